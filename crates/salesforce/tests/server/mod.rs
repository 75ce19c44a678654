//! A tiny Salesforce: a function from request to answer behind a real socket, and what was asked.
#![allow(
    dead_code,
    clippy::unwrap_used,
    missing_docs,
    reason = "shared by several test binaries, each of which uses a part"
)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Response};
use reqwest::Url;
use salesforce::{Client, ClientSecret, Credentials, Settings};
use serde_json::{Value, json};
use sync_core::ids::SalesforceId;

pub const LEAD: &str = "00Q5000000Gv7qJ";
const IDENTITY: &str = "/id/00D000000000001/005000000000001";

/// A request as the tests look at it.
#[derive(Debug, Clone)]
pub struct Asked {
    pub line: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl Asked {
    pub fn q(&self) -> &str {
        let q = self.query.iter().find(|(name, _)| name == "q");
        q.map_or("", |(_, text)| text)
    }

    pub fn is_login(&self) -> bool {
        self.line == "POST /services/oauth2/token"
    }

    pub fn token(&self) -> &str {
        let header = self.headers.get("authorization");
        header
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

#[expect(clippy::needless_pass_by_value, reason = "reads better with `json!`")]
pub fn reply(status: u16, body: Value) -> Reply {
    text(status, &body.to_string())
}

pub fn text(status: u16, body: &str) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.to_owned(),
    }
}

pub fn failed(status: u16, code: &str, message: &str) -> Reply {
    reply(status, json!([{ "errorCode": code, "message": message }]))
}

impl Reply {
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A running service.
pub struct Server {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers everything with `handler`, log-ins too.
    pub async fn bare(handler: impl Fn(&Asked, &str) -> Reply + Send + Sync + 'static) -> Self {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (seen, own_url, handler) = (asked.clone(), url.clone(), Arc::new(handler));
        let router = Router::new().fallback(move |request: Request| {
            let (seen, url, handler) = (seen.clone(), own_url.clone(), handler.clone());
            async move {
                let asked = read(request).await;
                seen.lock().unwrap().push(asked.clone());
                let reply = handler(&asked, &url);
                let mut response = Response::builder().status(reply.status);
                for (name, value) in reply.headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(reply.body)).unwrap()
            }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    /// Logs everybody in, with tokens `t1`, `t2`, … and answers the rest with `handler`.
    pub async fn start(handler: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let logins = AtomicUsize::new(0);
        Self::bare(move |asked, url| {
            if asked.is_login() {
                let count = logins.fetch_add(1, Ordering::SeqCst) + 1;
                return reply(200, session(url, &format!("t{count}")));
            }
            handler(asked)
        })
        .await
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Everything but the log-ins.
    pub fn calls(&self) -> Vec<Asked> {
        let asked = self.asked().into_iter();
        asked.filter(|asked| !asked.is_login()).collect()
    }

    pub fn logins(&self) -> usize {
        self.asked().iter().filter(|asked| asked.is_login()).count()
    }
}

/// A reply to a token request.
pub fn session(instance_url: &str, token: &str) -> Value {
    json!({ "access_token": token, "instance_url": instance_url,
        "id": format!("https://login.salesforce.com{IDENTITY}"), "token_type": "Bearer" })
}

async fn read(request: Request) -> Asked {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 22).await.unwrap();
    let url = Url::parse(&format!("http://x{}", parts.uri)).unwrap();
    Asked {
        line: format!("{} {}", parts.method, url.path()),
        query: url.query_pairs().into_owned().collect(),
        headers: parts.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

pub fn settings(url: &str) -> Settings {
    let secret = ClientSecret::new("hunter2");
    Settings::new(url, "consumer", Credentials::ClientCredentials { secret })
}

pub fn client(url: &str) -> Client {
    Client::new(settings(url)).unwrap()
}

/// An id of an object, by number.
pub fn id(prefix: &str, number: usize) -> String {
    let id: SalesforceId = format!("{prefix}{number:012}").parse().unwrap();
    id.to_string()
}
