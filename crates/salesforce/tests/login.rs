//! Logging in: both ways, every verdict, both clocks, and one refresh only.
#![allow(clippy::unwrap_used, reason = "tests")]

mod server;

use std::time::Duration;

use salesforce::{AuthError, Condition, Credentials, Error, Literal, PrivateKey, Rows, Soql};
use serde_json::{Value, json};
use server::{Server, client, failed, reply, session, settings, text};
use sync_core::error::ErrorClass;

fn leads() -> Soql {
    let condition = Condition::Equal("IsConverted".to_owned(), Literal::Boolean(false));
    Soql::select("Lead", ["Id"], &condition, &[], None).unwrap()
}

fn nothing() -> Value {
    json!({ "totalSize": 0, "done": true, "records": [] })
}

#[tokio::test]
async fn client_credentials_log_in_once_for_all_calls() {
    let server =
        Server::start(|_| reply(200, nothing()).header("Sforce-Limit-Info", "api-usage=18/15000"))
            .await;
    let client = client(&server.url);
    client.query(&leads(), Rows::Live).await.unwrap();
    client.query(&leads(), Rows::All).await.unwrap();
    let form = &server.asked()[0].text;
    assert!(form.contains("grant_type=client_credentials") && form.contains("client_id=consumer"));
    assert_eq!(server.logins(), 1);
    let calls = server.calls();
    assert_eq!(calls[0].line, "GET /services/data/v67.0/query");
    assert_eq!(calls[1].line, "GET /services/data/v67.0/queryAll");
    assert_eq!(calls[0].token(), "Bearer t1");
    assert_eq!(
        calls[0].headers["sforce-call-options"],
        "client=prospect-sync"
    );
    assert_eq!(calls[0].headers["sforce-auto-assign"], "FALSE");
    let usage = client.usage().unwrap();
    assert_eq!((usage.used, usage.max), (18, 15_000));
    assert_eq!((client.calls()["login"], client.calls()["query"]), (1, 2));
    assert_eq!(client.take_calls().len(), 2);
    assert!(client.calls().is_empty());
    let session = client.token().await.unwrap();
    assert_eq!(session.user_id.key_prefix(), "005");
    assert_eq!(session.organisation_id.key_prefix(), "00D");
}

#[tokio::test]
async fn an_assertion_is_signed_and_says_who_for_whom_until_when() {
    let server = Server::start(|_| reply(200, nothing())).await;
    let key = PrivateKey::from_pem(include_str!("server/throwaway-key.pem")).unwrap();
    let mut settings = settings(&server.url);
    settings.credentials = Credentials::JwtBearer {
        username: "sync@example.org".to_owned(),
        key,
    };
    assert!(!format!("{settings:?}").contains("BEGIN"));
    let client = salesforce::Client::new(settings).unwrap();
    client.bearer().await.unwrap();
    let form = server.asked()[0].text.clone();
    let assertion = form.rsplit("assertion=").next().unwrap();
    let mut parts = assertion.split('.');
    let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let read = |part: &str| -> Value { serde_json::from_slice(&unbase64(part)).unwrap() };
    assert_eq!(read(header)["alg"], "RS256");
    let claims = read(claims);
    assert_eq!(claims["iss"], "consumer");
    assert_eq!(claims["sub"], "sync@example.org");
    assert_eq!(claims["aud"], "https://login.salesforce.com");
    let ahead = claims["exp"].as_i64().unwrap() - jiff::Timestamp::now().as_second();
    assert!((170..=180).contains(&ahead));
}

fn unbase64(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for character in text.chars() {
        bits = bits << 6 | u32::try_from(alphabet.find(character).unwrap()).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).unwrap());
        }
    }
    bytes
}

#[tokio::test]
async fn a_refused_log_in_is_typed_and_stops_the_connector() {
    let body = json!({ "error": "invalid_grant",
        "error_description": "user hasn't approved this consumer" });
    let server = Server::bare(move |_, _| reply(400, body.clone())).await;
    let error = client(&server.url).bearer().await.unwrap_err();
    assert!(matches!(error, Error::Auth(AuthError::UserNotApproved)));
    assert_eq!(error.class(), ErrorClass::Auth);
    assert_eq!(server.logins(), 1);
}

#[tokio::test]
async fn a_log_in_host_that_is_down_does_not_stop_the_connector() {
    let server = Server::bare(|_, _| text(503, "<html>maintenance</html>")).await;
    let error = client(&server.url).bearer().await.unwrap_err();
    assert!(matches!(error, Error::Auth(AuthError::Unavailable(503))));
    assert_eq!(error.class(), ErrorClass::Transient);
}

#[tokio::test]
async fn a_clock_that_is_off_is_named_before_any_other_verdict() {
    for (status, minutes, ahead) in [(200, -4_i64, true), (400, 4, false)] {
        let server = Server::bare(move |_, url| {
            let theirs = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
            let date = jiff::fmt::rfc2822::DateTimePrinter::new();
            let date = date.timestamp_to_rfc9110_string(&theirs).unwrap();
            let body = if status == 200 {
                session(url, "t")
            } else {
                json!({ "error": "invalid_grant", "error_description": "invalid assertion" })
            };
            reply(status, body).header("date", &date)
        })
        .await;
        let error = client(&server.url).bearer().await.unwrap_err();
        let Error::ClockSkew {
            seconds,
            ahead: found,
        } = error
        else {
            panic!("{error}")
        };
        assert!((235..=245).contains(&seconds), "{seconds}");
        assert_eq!(found, ahead);
        assert!(error.to_string().contains("set the clock"));
    }
}

#[tokio::test]
async fn a_token_is_never_sent_to_a_host_that_is_not_salesforce() {
    let server = Server::bare(|_, _| reply(200, session("https://evil.example", "t1"))).await;
    let error = client(&server.url)
        .query(&leads(), Rows::Live)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("evil.example"), "{error}");
    assert_eq!(server.calls().len(), 0);
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_call_made_once_more() {
    let server = Server::start(|asked| match asked.token() {
        "Bearer t1" => failed(401, "INVALID_SESSION_ID", "Session expired or invalid"),
        _ => reply(200, nothing()),
    })
    .await;
    let client = client(&server.url);
    client.query(&leads(), Rows::Live).await.unwrap();
    assert_eq!((server.logins(), server.calls().len()), (2, 2));
}

#[tokio::test]
async fn a_token_that_stays_refused_ends_after_one_refresh() {
    let server = Server::start(|_| failed(401, "INVALID_AUTH_HEADER", "")).await;
    let error = client(&server.url)
        .query(&leads(), Rows::Live)
        .await
        .unwrap_err();
    assert_eq!(
        (error.class(), error.code().as_str()),
        (ErrorClass::Auth, "INVALID_AUTH_HEADER")
    );
    assert_eq!((server.logins(), server.calls().len()), (2, 2));
}

#[tokio::test]
async fn a_session_that_cannot_be_renewed_is_not_renewed() {
    for message in [
        "This session is not valid for use with the REST API",
        "Connected app is not attached to Agent",
    ] {
        let server = Server::start(move |_| failed(401, "INVALID_SESSION_ID", message)).await;
        let error = client(&server.url)
            .query(&leads(), Rows::Live)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Auth(AuthError::SessionNotAccepted)));
        assert_eq!((server.logins(), server.calls().len()), (1, 1));
    }
}

#[tokio::test]
async fn calls_at_the_same_time_share_one_log_in_and_one_refresh() {
    let server = Server::start(|asked| match asked.token() {
        "Bearer t1" => failed(401, "INVALID_SESSION_ID", "Session expired or invalid"),
        _ => reply(200, nothing()),
    })
    .await;
    let client = std::sync::Arc::new(client(&server.url));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.query(&leads(), Rows::Live).await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(server.logins(), 2);
}

#[tokio::test]
async fn an_older_token_does_not_throw_away_a_newer_one() {
    let server = Server::start(|_| reply(200, nothing())).await;
    let client = client(&server.url);
    let first = client.bearer().await.unwrap();
    client.invalidate(&first).await;
    let second = client.bearer().await.unwrap();
    client.invalidate(&first).await;
    assert_eq!(client.bearer().await.unwrap(), second);
    assert_eq!(server.logins(), 2);
    assert!(!format!("{second:?}").contains("t2"));
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut settings = settings(&url);
    settings.connect_timeout = Duration::from_secs(2);
    let error = salesforce::Client::new(settings)
        .unwrap()
        .bearer()
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotSent { .. }));
    assert!(error.to_string().contains("127.0.0.1"));
    assert!(!error.may_have_landed());
}
