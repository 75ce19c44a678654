//! A tiny service: a function from request to answer behind a real socket, and what it was asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use account_engagement::{Bearer, Client, Settings, TokenError, TokenSource};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Response;
use reqwest::Url;
use serde_json::Value;

/// A request as the tests look at it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Method and path.
    pub line: String,
    /// The decoded parameters.
    pub query: BTreeMap<String, String>,
    /// The query as it came.
    pub raw_query: String,
    /// The headers.
    pub headers: axum::http::HeaderMap,
    /// The body.
    pub body: Value,
}

/// What a handler answers.
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

/// A JSON answer.
#[expect(
    clippy::needless_pass_by_value,
    reason = "reads better at the call with `json!`"
)]
pub fn json(status: u16, body: Value) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.to_string(),
    }
}

impl Reply {
    /// The same answer with a header.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// A running service.
pub struct Server {
    pub base_url: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts a service that answers with `handler`, after `delay_ms`.
    pub async fn start<H>(handler: H) -> Self
    where
        H: Fn(&Asked) -> Reply + Send + Sync + 'static,
    {
        Self::start_slow(0, Arc::default(), handler).await
    }

    /// Like [`Self::start`], slowly, and noting the most requests that were there at once.
    pub async fn start_slow<H>(delay_ms: u64, most: Arc<AtomicUsize>, handler: H) -> Self
    where
        H: Fn(&Asked) -> Reply + Send + Sync + 'static,
    {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (seen, handler) = (asked.clone(), Arc::new(handler));
        let at_once = Arc::new(AtomicUsize::new(0));
        let router = Router::new().fallback(move |request: Request| {
            let (seen, handler) = (seen.clone(), handler.clone());
            let (at_once, most) = (at_once.clone(), most.clone());
            async move {
                most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let asked = read(request).await;
                if delay_ms > 0 {
                    tokio::time::sleep(std::time::Duration::from_millis(delay_ms)).await;
                }
                seen.lock().unwrap().push(asked.clone());
                let reply = handler(&asked);
                at_once.fetch_sub(1, Ordering::SeqCst);
                let mut response = Response::builder().status(reply.status);
                for (name, value) in reply.headers {
                    response = response.header(name, value);
                }
                response.body(Body::from(reply.body)).unwrap()
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base_url, asked }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn read(request: Request) -> Asked {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let url = Url::parse(&format!("http://x{}", parts.uri)).unwrap();
    Asked {
        line: format!("{} {}", parts.method, url.path()),
        query: url.query_pairs().into_owned().collect(),
        raw_query: url.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    }
}

/// Tokens `t0`, `t1`, ...: the next one when the present one was refused.
#[derive(Default)]
pub struct Tokens {
    pub refused: AtomicUsize,
}

#[async_trait]
impl TokenSource for Tokens {
    async fn bearer(&self) -> Result<Bearer, TokenError> {
        Ok(Bearer::new(format!(
            "t{}",
            self.refused.load(Ordering::SeqCst)
        )))
    }

    async fn invalidate(&self, stale: &Bearer) {
        let number: usize = stale.expose()[1..].parse().unwrap();
        let (set, seen) = (Ordering::SeqCst, Ordering::SeqCst);
        let _ = self.refused.compare_exchange(number, number + 1, set, seen);
    }
}

/// Settings for a base URL.
pub fn settings(base_url: &str) -> Settings {
    Settings::new(base_url, "0Uv000000000001".parse().unwrap())
}

/// A client of a base URL with tokens of its own.
pub fn client(base_url: &str) -> Client {
    Client::new(settings(base_url), Arc::new(Tokens::default())).unwrap()
}
