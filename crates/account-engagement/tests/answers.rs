//! What odd answers mean: refused tokens, codes against statuses, broken connections.
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "shared with the other tests, which use the rest")]
mod server;

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use account_engagement::{
    CallKind, Client, Error, ErrorCode, Fields, ProspectFilters, ProspectQuery,
};
use serde_json::{Map, json};
use sync_core::error::ErrorClass;
use sync_core::ids::ProspectId;

use server::{Server, Tokens, client, json as reply, settings};

fn id(number: u64) -> ProspectId {
    number.try_into().unwrap()
}

fn fields() -> Fields {
    Fields::of(["email"])
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    // status, code, classes by number of good tokens
    for (status, code) in [(401, 184), (401, 49), (400, 184)] {
        let server = Server::start(move |asked| {
            if asked.headers["authorization"] == "Bearer t1" {
                reply(200, json!({ "id": 5, "email": "a@b.c" }))
            } else {
                reply(status, json!({ "code": code, "message": "Access Denied" }))
            }
        })
        .await;
        let client = client(&server.base_url);
        assert_eq!(
            client.read(id(5), &fields()).await.unwrap().text("email"),
            Some("a@b.c")
        );
        assert_eq!(client.calls()[&CallKind::Read], 2);
    }
}

#[tokio::test]
async fn a_token_that_is_refused_again_is_an_auth_error() {
    let server = Server::start(|_| reply(401, json!({ "code": 184, "message": "" }))).await;
    let tokens = Arc::new(Tokens::default());
    let client = Client::new(settings(&server.base_url), tokens.clone()).unwrap();
    let error = client.read(id(5), &fields()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Auth);
    assert_eq!(
        (tokens.refused.load(Ordering::SeqCst), server.asked().len()),
        (1, 2)
    );
}

#[tokio::test]
async fn access_denied_without_401_is_not_about_the_token() {
    let server = Server::start(|_| reply(403, json!({ "code": 49, "message": "" }))).await;
    let error = client(&server.base_url)
        .read(id(5), &fields())
        .await
        .unwrap_err();
    assert_eq!((error.class(), server.asked().len()), (ErrorClass::Auth, 1));
}

#[tokio::test]
async fn the_code_decides_whatever_the_status() {
    // status, body, class, whether a create may have landed
    let cases = [
        (
            200,
            json!({ "code": 66, "message": "busy" }),
            ErrorClass::Throttled,
            false,
        ),
        (
            401,
            json!({ "code": 4, "message": "ann@x.y" }),
            ErrorClass::Record,
            false,
        ),
        (
            503,
            json!({ "code": 122, "message": "" }),
            ErrorClass::Quota,
            false,
        ),
        (
            500,
            json!({ "code": 183, "message": "" }),
            ErrorClass::Transient,
            true,
        ),
        (
            400,
            json!({ "code": "154", "message": "" }),
            ErrorClass::Schema,
            false,
        ),
        (
            429,
            json!("Daily API rate limit met"),
            ErrorClass::Quota,
            false,
        ),
        (429, json!("slow down"), ErrorClass::Throttled, false),
        (503, json!("<html>"), ErrorClass::Transient, true),
    ];
    for (status, body, class, may_have_landed) in cases {
        let text = body.to_string();
        let server = Server::start(move |_| reply(status, body.clone())).await;
        let create = client(&server.base_url)
            .create(&Map::new(), &fields())
            .await;
        let error = create.unwrap_err();
        assert_eq!(error.class(), class, "{status} {text}");
        assert_eq!(error.may_have_landed(), may_have_landed, "{status} {text}");
        assert!(!format!("{error} {error:?}").contains("ann@"));
        assert_eq!(server.asked().len(), 1, "nothing is repeated");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_row_is_not_an_error() {
    let server = Server::start(|asked| match asked.line.ends_with("/1") {
        true => reply(302, json!(null)).header("Location", "/elsewhere"),
        false => reply(
            200,
            json!({ "id": 2, "code": 49, "message": "a field of the row" }),
        ),
    })
    .await;
    let client = client(&server.base_url);
    assert!(matches!(
        client.read(id(1), &fields()).await,
        Err(Error::Protocol(_))
    ));
    assert_eq!(client.read(id(2), &fields()).await.unwrap().id, id(2));
    assert_eq!(server.asked().len(), 2);
}

/// A listener that reads a request, writes `answer`, and hangs up.
fn hanging_up(answer: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let read = stream.read(&mut [0; 4096]).unwrap();
            assert!(read > 0);
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_cut_connection_leaves_the_outcome_unknown() {
    let answers = [
        "",
        "HTTP/1.1 201 Created\r\nContent-Length: 1000\r\n\r\n{",
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    ];
    for answer in answers {
        let client = client(&hanging_up(answer));
        let error = client.create(&Map::new(), &fields()).await.unwrap_err();
        assert!(matches!(error, Error::Unknown(_)), "{answer}: {error:?}");
        assert!(error.may_have_landed());
        assert_eq!(error.class(), ErrorClass::Transient);
    }
    let query = ProspectQuery {
        filters: ProspectFilters {
            email: Some("ann@x.y".into()),
            ..ProspectFilters::default()
        },
        ..ProspectQuery::default()
    };
    let error = client(&hanging_up("")).query(&query).await.unwrap_err();
    assert!(!error.may_have_landed(), "a query changes nothing");
    assert!(
        !format!("{error:?}").contains("ann"),
        "the URL is taken out: {error:?}"
    );
}

#[tokio::test]
async fn a_slow_answer_is_unknown_and_a_closed_port_is_not_sent() {
    let most = Arc::default();
    let server = Server::start_slow(2_000, most, |_| reply(200, json!({ "id": 1 }))).await;
    let mut impatient = settings(&server.base_url);
    impatient.call_timeout = Duration::from_millis(50);
    let client = Client::new(impatient, Arc::new(Tokens::default())).unwrap();
    let error = client.delete(id(1)).await.unwrap_err();
    assert!(matches!(error, Error::Unknown(_)), "{error:?}");

    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let error = server::client(&nobody).delete(id(1)).await.unwrap_err();
    assert!(matches!(&error, Error::NotSent(not_sent) if not_sent.host == "127.0.0.1"));
    assert!(!error.may_have_landed());
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let server = Server::start(|_| reply(200, json!({ "id": 1, "notes": "x".repeat(999) }))).await;
    let mut small = settings(&server.base_url);
    small.body_limit_bytes = 100;
    let client = Client::new(small, Arc::new(Tokens::default())).unwrap();
    let error = client.read(id(1), &fields()).await.unwrap_err();
    assert!(error.to_string().contains("more than 100 bytes"), "{error}");
}

#[tokio::test]
async fn a_wrong_host_is_named() {
    let server = Server::start(|_| reply(403, json!({ "code": 201, "message": "" }))).await;
    let error = client(&server.base_url).account().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Config);
    assert!(
        error
            .to_string()
            .contains("host 127.0.0.1 does not know business unit 0Uv")
    );
    let Error::Service(service) = error else {
        panic!("a service error")
    };
    assert_eq!(service.code(), Some(ErrorCode::UnitUnknown));
}
