//! A running twin with a logged-in client.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use twin::{Config, Running};

/// Where rows live.
pub const DATA: &str = "/services/data/v67.0";

/// A reply from the wire.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub json: Value,
    pub headers: BTreeMap<String, String>,
}

impl Reply {
    /// The code of the first error of a row, query or collections call.
    pub fn code(&self) -> &str {
        self.json[0]["errorCode"].as_str().unwrap_or_default()
    }
}

/// A twin and a client of it.
pub struct Twin {
    pub running: Running,
    pub http: reqwest::Client,
    pub token: String,
}

impl Twin {
    pub async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> Self {
        let running = twin::serve(config).await.unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut twin = Self {
            running,
            http,
            token: String::new(),
        };
        twin.login().await;
        twin
    }

    pub async fn login(&mut self) {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "twin-client"),
            ("client_secret", "twin-secret"),
        ];
        let reply = self.token(&form).await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        assert_eq!(reply.json["instance_url"], self.running.base_url.as_str());
        self.token = reply.json["access_token"].as_str().unwrap().to_owned();
    }

    pub async fn token(&self, form: &[(&str, &str)]) -> Reply {
        let url = format!("{}/services/oauth2/token", self.running.base_url);
        read(self.http.post(url).form(form).send().await.unwrap())
            .await
            .unwrap()
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        self.try_send(method, path, headers, body)
            .await
            .expect("the connection holds")
    }

    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Option<Reply> {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.running.base_url)
        } else {
            format!("{}{DATA}/{path}", self.running.base_url)
        };
        let mut request = self
            .http
            .request(method.parse().unwrap(), url)
            .bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request.send().await.ok()?).await
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.send("POST", path, &[], Some(&body)).await
    }

    pub async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send("PATCH", path, &[], Some(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], None).await
    }

    pub async fn query(&self, soql: &str) -> Reply {
        self.get(&format!("query?q={}", soql.replace(' ', "+")))
            .await
    }

    /// One request to the control API that must succeed.
    pub async fn control(&self, path: &str, body: Value) -> Value {
        let reply = self.post(&format!("/control/{path}"), body).await;
        assert_eq!(reply.status, 200, "{}", reply.json);
        reply.json
    }

    pub async fn advance(&self, seconds: i64) {
        self.control("clock", json!({ "advance_seconds": seconds }))
            .await;
    }

    /// Creates a lead and answers its id.
    pub async fn lead(&self, fields: Value) -> String {
        let mut body = json!({ "LastName": "Moreau", "Company": "Example" });
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        let reply = self.post("sobjects/Lead", body).await;
        assert_eq!(reply.status, 201, "{}", reply.json);
        reply.json["id"].as_str().unwrap().to_owned()
    }
}

async fn read(response: reqwest::Response) -> Option<Reply> {
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let text = response.text().await.ok()?;
    let json = serde_json::from_str(&text).unwrap_or(Value::String(text));
    Some(Reply {
        status,
        json,
        headers,
    })
}

/// A new key pair in PEM form: private, public.
pub fn key_pair() -> (String, String) {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    (
        pem("PRIVATE KEY", private.as_ref()),
        pem("PUBLIC KEY", public.as_ref()),
    )
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
