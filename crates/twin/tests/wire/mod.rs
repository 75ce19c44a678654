//! A twin on loopback with a clock of its own, and the smallest HTTP client that can drive it.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use twin::bu::BusinessUnit;
use twin::http::engagement::{Planned, Shell};
use twin::http::faults::Asked;

/// The business unit of these tests.
pub const UNIT: &str = "0Uv000000000001CAA";

/// A reply from the wire.
pub struct Reply {
    pub status: u16,
    pub json: Value,
    headers: Vec<(String, String)>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(held, _)| held == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn code(&self) -> u64 {
        self.json["code"].as_u64().unwrap_or_default()
    }
}

/// Sends one request on a connection of its own; `None` when the connection breaks off.
fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) -> Option<Reply> {
    let body = body.map(Value::to_string).unwrap_or_default();
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let promised = headers.iter().find(|(name, _)| name == "content-length");
    if promised.is_some_and(|(_, length)| length != &body.len().to_string()) {
        return None;
    }
    let json = serde_json::from_str(body).unwrap_or(Value::Null);
    Some(Reply {
        status,
        json,
        headers,
    })
}

/// A running twin.
pub struct Twin {
    world: Arc<World>,
    address: SocketAddr,
    bearer: String,
}

impl Twin {
    pub async fn start() -> Self {
        let world = Arc::new(World::new());
        let unit = BusinessUnit::new(UNIT.to_owned());
        world.units.lock().unwrap().insert(UNIT.to_owned(), unit);
        let bearer = format!("Bearer {TOKEN}");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = twin::http::engagement::router(world.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self {
            world,
            address,
            bearer,
        }
    }

    pub fn bearer(&self) -> &str {
        &self.bearer
    }

    pub fn host(&self) -> String {
        self.address.to_string()
    }

    pub fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Reply {
        self.try_call(method, path, headers, body)
            .expect("the connection holds")
    }

    pub fn try_call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Option<Reply> {
        tokio::task::block_in_place(|| send(self.address, method, path, headers, body))
    }

    fn own(&self) -> Vec<(&str, &str)> {
        vec![
            ("Authorization", self.bearer()),
            ("Pardot-Business-Unit-Id", UNIT),
        ]
    }

    pub fn get(&self, path: &str) -> Reply {
        self.get_with(path, &[])
    }

    pub fn get_with(&self, path: &str, extra: &[(&str, &str)]) -> Reply {
        self.call("GET", path, &[&self.own(), extra].concat(), None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, &self.own(), Some(body))
    }

    pub fn try_post(&self, path: &str, body: &Value) -> Option<Reply> {
        self.try_call("POST", path, &self.own(), Some(body))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Reply {
        self.call("PATCH", path, &self.own(), Some(body))
    }

    pub fn delete(&self, path: &str) -> Reply {
        self.call("DELETE", path, &self.own(), None)
    }

    pub fn with_unit<T>(&self, act: impl FnOnce(&mut BusinessUnit) -> T) -> T {
        act(self.world.units.lock().unwrap().get_mut(UNIT).unwrap())
    }

    pub fn configure(&self, settings: Value) {
        self.with_unit(|unit| unit.configure(settings)).unwrap();
    }

    pub fn calls(&self, key: &str) -> u64 {
        self.world
            .calls
            .lock()
            .unwrap()
            .get(key)
            .copied()
            .unwrap_or(0)
    }

    pub fn wait(&self, seconds: i64) {
        let mut now = self.world.now.lock().unwrap();
        *now += seconds.seconds();
    }

    pub fn plan(&self, fault: Planned) {
        self.world.faults.lock().unwrap().push_back(fault);
    }
}

const TOKEN: &str = "00D-a-token";

/// A world without an org: a clock that stands, one token, faults in the order they were planned.
struct World {
    now: Mutex<Timestamp>,
    units: Mutex<BTreeMap<String, BusinessUnit>>,
    calls: Mutex<BTreeMap<String, u64>>,
    faults: Mutex<VecDeque<Planned>>,
}

impl World {
    fn new() -> Self {
        Self {
            now: Mutex::new("2026-11-23T10:00:00Z".parse().unwrap()),
            units: Mutex::default(),
            calls: Mutex::default(),
            faults: Mutex::default(),
        }
    }
}

impl Shell for World {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn units(&self) -> &Mutex<BTreeMap<String, BusinessUnit>> {
        &self.units
    }

    fn calls(&self) -> &Mutex<BTreeMap<String, u64>> {
        &self.calls
    }

    fn scopes(&self, token: &str) -> Option<Vec<String>> {
        (token == TOKEN).then(|| vec!["api".to_owned(), "pardot_api".to_owned()])
    }

    fn org_users(&self) -> Vec<(String, String)> {
        vec![(
            "ines.moreau@example.com".to_owned(),
            "005000000000002AAA".to_owned(),
        )]
    }

    fn take_fault(&self, _asked: Asked<'_>, _token: &str) -> Planned {
        self.faults
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Planned::Nothing)
    }
}
