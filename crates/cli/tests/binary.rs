//! The binary against something that speaks Lambda's protocol on loopback.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

/// What arrived: the path and the payload.
type Request = (String, Value);

/// Answers one invocation. Returns the endpoint and what will have been asked.
fn lambda(
    status: &'static str,
    header: &'static str,
    body: &Value,
) -> (String, JoinHandle<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let body = body.to_string();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let request = read_request(&stream);
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{header}content-length: {length}\r\n\
             connection: close\r\n\r\n{body}"
        )
        .unwrap();
        request
    });
    (endpoint, served)
}

fn read_request(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (path, serde_json::from_slice(&body).unwrap())
}

fn prospect_sync(endpoint: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_prospect-sync"))
        .args(arguments)
        .env_clear()
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", "eu-west-3")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("USER", "ines")
        .env("HOSTNAME", "laptop")
        .output()
        .unwrap()
}

#[test]
fn a_request_goes_to_the_admin_function_and_its_reply_is_printed() {
    let reply = json!({ "reply": "queued", "run": "r1", "what": "prospect 7", "later": true });
    let (endpoint, served) = lambda("200 OK", "", &reply);
    let output = prospect_sync(&endpoint, &["--stack", "mine", "--json", "sync", "7"]);
    let (path, payload) = served.join().unwrap();
    assert_eq!(path, "/2015-03-31/functions/mine-admin/invocations");
    let actor = "ines@laptop (as told by the operator's machine)";
    assert_eq!(
        payload,
        json!({ "actor": actor, "command": "sync", "prospect": 7 })
    );
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        printed, reply,
        "verbatim, also what this version does not know"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_function_can_be_named() {
    let reply = json!({ "reply": "refused", "message": "not now" });
    let (endpoint, served) = lambda("200 OK", "", &reply);
    let output = prospect_sync(&endpoint, &["pause", "--function", "elsewhere"]);
    let (path, _) = served.join().unwrap();
    assert_eq!(path, "/2015-03-31/functions/elsewhere/invocations");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "refused: not now\n"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_function_that_failed_is_a_stack_out_of_reach() {
    let body = json!({ "errorMessage": "Task timed out after 60.00 seconds" });
    let (endpoint, served) = lambda("200 OK", "x-amz-function-error: Unhandled\r\n", &body);
    let output = prospect_sync(&endpoint, &["status"]);
    served.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("failed: Task timed out"), "{said}");
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_stack_that_does_not_exist_is_named() {
    let body = json!({ "Type": "User", "Message": "Function not found: prospect-sync-admin" });
    let header = "x-amzn-errortype: ResourceNotFoundException\r\n";
    let (endpoint, served) = lambda("404 Not Found", header, &body);
    let output = prospect_sync(&endpoint, &["status"]);
    served.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("prospect-sync-admin cannot be invoked: there is no such function"),
        "{said}"
    );
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn nobody_listening_is_exit_3_and_a_wrong_id_is_exit_2() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let endpoint = format!("http://{closed}");
    let output = prospect_sync(&endpoint, &["status"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("Connection refused"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    let output = prospect_sync(&endpoint, &["send", "00Q000000000001EAB"]);
    assert_eq!(output.status.code(), Some(2));
}
