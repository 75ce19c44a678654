//! The token endpoint: who gets in, and what the others are told.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use support::{Reply, Twin, key_pair};
use twin::Config;

const JWT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

async fn assert_with(twin: &Twin, key: &EncodingKey, change: Value) -> Reply {
    let mut claims = json!({
        "iss": "twin-client", "sub": "connector@prospect-sync.example",
        "aud": "https://login.salesforce.com", "exp": twin.running.world.clock.now().as_second() + 180,
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let assertion = encode(&Header::new(Algorithm::RS256), &claims, key).unwrap();
    twin.token(&[("grant_type", JWT), ("assertion", &assertion)])
        .await
}

#[tokio::test]
async fn an_assertion_is_checked_claim_by_claim() {
    let (private, public) = key_pair();
    let twin = Twin::with(Config {
        public_keys: vec![public],
        ..Config::default()
    })
    .await;
    let key = EncodingKey::from_rsa_pem(private.as_bytes()).unwrap();
    let now = twin.running.world.clock.now().as_second();
    let good = assert_with(&twin, &key, json!({ "exp": (now + 60).to_string() })).await;
    assert_eq!(good.status, 200, "{}", good.json);
    assert_eq!(good.json["scope"], "api pardot_api");
    assert!(good.json["id"].as_str().unwrap().contains("/00D"));
    for (change, description) in [
        (json!({ "exp": now - 1 }), "expired authorization code"),
        (json!({ "exp": now + 3600 }), "invalid assertion"),
        (
            json!({ "aud": "https://example.com" }),
            "audience is invalid",
        ),
        (json!({ "iss": "someone" }), "client identifier invalid"),
        (
            json!({ "sub": "nobody@example.com" }),
            "user hasn't approved this consumer",
        ),
    ] {
        let reply = assert_with(&twin, &key, change).await;
        assert_eq!(reply.status, 400);
        assert_eq!(reply.json["error_description"], description);
    }
    let (other, _) = key_pair();
    let other = EncodingKey::from_rsa_pem(other.as_bytes()).unwrap();
    let reply = assert_with(&twin, &other, json!({})).await;
    assert_eq!(reply.json["error_description"], "invalid assertion");
    let users = json!([{ "username": "connector@prospect-sync.example", "is_active": false }]);
    twin.control("org/rules", json!({ "users": users })).await;
    let reply = assert_with(&twin, &key, json!({})).await;
    assert_eq!(reply.json["error_description"], "inactive user");
}

#[tokio::test]
async fn the_other_flows_check_app_and_user() {
    let twin = Twin::start().await;
    let app = [
        ("client_id", "twin-client"),
        ("client_secret", "twin-secret"),
    ];
    let with = |more: &[(&'static str, &'static str)]| [&app, more].concat();
    let reply = twin
        .token(&with(&[
            ("grant_type", "refresh_token"),
            ("refresh_token", "twin-refresh"),
        ]))
        .await;
    assert_eq!(reply.status, 200);
    let password = |word| {
        with(&[
            ("grant_type", "password"),
            ("username", "admin@example.com"),
            ("password", word),
        ])
    };
    assert_eq!(twin.token(&password("twin-password")).await.status, 200);
    let reply = twin.token(&password("wrong")).await;
    assert_eq!(reply.json["error_description"], "authentication failure");
    let wrong = [
        ("grant_type", "client_credentials"),
        ("client_id", "twin-client"),
    ];
    assert_eq!(twin.token(&wrong).await.json["error"], "invalid_client");
    assert_eq!(
        twin.token(&[("grant_type", "x")]).await.json["error"],
        "unsupported_grant_type"
    );
}

#[tokio::test]
async fn a_token_ends_with_time_or_by_control() {
    let mut twin = Twin::start().await;
    assert_eq!(twin.get("limits").await.status, 200);
    twin.advance(7201).await;
    let reply = twin.get("limits").await;
    assert_eq!((reply.status, reply.code()), (401, "INVALID_SESSION_ID"));
    twin.login().await;
    assert_eq!(twin.get("limits").await.status, 200);
    twin.delete("/control/tokens").await;
    assert_eq!(twin.get("limits").await.status, 401);
    twin.token.clear();
    assert_eq!(twin.get("/services/data").await.json[0]["version"], "50.0");
}
