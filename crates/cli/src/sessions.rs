//! Sessions as an operator sees them, recorded in `tests/sessions`. No stack is needed: the functions
//! answer what the test says. A stale record fails; `UPDATE_SESSIONS=1` writes them.

mod replies;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

use clap::Parser;
use serde_json::{Value, json};
use sync_core::config::ConnectorState;
use sync_core::protocol::{AdminReply, OwnFieldState};
use sync_core::testing::at;

use crate::arguments::Arguments;
use crate::commands;
use crate::invoke::{Function, Functions, InvokeError};
use crate::{Failure, Operator};
use replies::{
    ambiguous_pair, edited_pair, error_rows, findings, held_pair, links, no_key_field,
    not_configured, row, set_up, status, status_used_up,
};

/// A stack that gives one answer and remembers what it was asked.
struct Recorded {
    answer: Result<Value, InvokeError>,
    asked: RefCell<Vec<String>>,
}

impl Functions for Recorded {
    async fn invoke(&self, function: Function, payload: &Value) -> Result<Value, InvokeError> {
        // A configuration is asked about as a whole; its name is enough to recognise it.
        let mut shown = payload.clone();
        if let Some(config) = shown.get_mut("config") {
            *config = json!({ "name": config["name"] });
        }
        self.asked
            .borrow_mut()
            .push(format!("{function:?} {shown}"));
        self.answer.clone()
    }
}

/// The session as text: what was typed, asked, printed, and the exit code.
fn play(line: &str, answer: Result<Value, InvokeError>) -> String {
    let words = line.split_whitespace();
    let arguments = match Arguments::try_parse_from(["prospect-sync"].into_iter().chain(words)) {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = error.exit_code();
            return format!("$ prospect-sync {line}\n{error}[exit {exit}]\n");
        }
    };
    let stack = Recorded {
        answer,
        asked: RefCell::default(),
    };
    let operator = Operator {
        actor: "ines@laptop (as told by the operator's machine)".to_owned(),
        now: at(3_600),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let played = commands::run(&arguments, &stack, &operator);
    let (printed, exit) = match runtime.unwrap().block_on(played) {
        Ok(answer) => (answer.text, answer.exit),
        Err(failure) => (format!("prospect-sync: {failure}"), failure.exit()),
    };
    let asked = stack.asked.into_inner();
    let asked: String = asked
        .iter()
        .map(|line| format!("(asks {line})\n"))
        .collect();
    let printed = printed.trim_end();
    format!(
        "$ prospect-sync {line}\n{asked}{printed}\n[exit {}]\n",
        exit as u8
    )
}

type Session = (&'static str, &'static str, Result<Value, InvokeError>);

fn answers(reply: &AdminReply) -> Result<Value, InvokeError> {
    Ok(serde_json::to_value(reply).unwrap())
}

fn unasked() -> Result<Value, InvokeError> {
    Err(InvokeError {
        function: "nobody".to_owned(),
        problem: "was to be asked".to_owned(),
    })
}

// --- the sessions --------------------------------------------------------------------------------

fn sessions() -> Vec<Session> {
    let mut all = sessions_of_the_connector();
    all.extend(sessions_of_records());
    all.extend(sessions_of_configurations());
    all.extend(sessions_of_the_setup());
    all
}

fn sessions_of_the_connector() -> Vec<Session> {
    let changed = |state, caught_up| {
        let row = row(state);
        answers(&AdminReply::Connector { row, caught_up })
    };
    let refused = ConnectorState::AuthFailed("invalid_grant: user hasn't approved".to_owned());
    let report = json!([
        { "state": "active", "seen": { "Lead": 3, "Prospect": 1 }, "enqueued": 4, "caught_up": 0,
          "problem": null },
        { "state": "active", "seen": {}, "problem": "Salesforce: REQUEST_LIMIT_EXCEEDED" },
    ]);
    let no_stack = InvokeError {
        function: "prospect-sync-admin".to_owned(),
        problem: "cannot be invoked: there is no such function".to_owned(),
    };
    let message = "business unit 0Uv has no connector yet; run `prospect-sync config apply FILE`";
    let message = message.to_owned();
    vec![
        ("help", "--help", unasked()),
        (
            "status_fine",
            "status",
            answers(&status(ConnectorState::Active, 3_540, 0, 0)),
        ),
        (
            "status_paused",
            "status",
            answers(&status(ConnectorState::Paused, -60, 0, 0)),
        ),
        (
            "status_poll_stopped",
            "status",
            answers(&status(ConnectorState::Active, 2_940, 2, 5)),
        ),
        (
            "status_poll_in_time",
            "status",
            answers(&status(ConnectorState::Active, 3_000, 0, 0)),
        ),
        (
            "status_login_refused",
            "status",
            answers(&status(refused, 0, 0, 0)),
        ),
        ("status_used_up", "status", answers(&status_used_up(7_200))),
        ("status_renewed", "status", answers(&status_used_up(3_000))),
        (
            "status_not_configured",
            "status",
            answers(&not_configured()),
        ),
        ("status_json", "--json status", answers(&not_configured())),
        ("pause", "pause", changed(ConnectorState::Paused, 0)),
        ("activate", "activate", changed(ConnectorState::Active, 12)),
        (
            "refused",
            "pause",
            answers(&AdminReply::Refused { message }),
        ),
        ("poll", "poll", Ok(report)),
        ("no_stack", "status", Err(no_stack)),
        ("newer_stack", "status", Ok(json!({ "reply": "forecast" }))),
    ]
}

fn sessions_of_records() -> Vec<Session> {
    let queued = |what: &str| {
        let what = format!("{what} on the priority lane");
        answers(&AdminReply::Queued {
            run: "8f14e45f".to_owned(),
            what,
        })
    };
    let none = || answers(&links(Vec::new(), None));
    let both = || vec![edited_pair(), ambiguous_pair()];
    let page = vec![edited_pair(), ambiguous_pair(), held_pair()];
    vec![
        (
            "sync",
            "sync 1001 --business-unit 0Uv000000000001",
            queued("prospect 1001"),
        ),
        ("sync_wrong_id", "sync 00Q000000000001", unasked()),
        ("send", "send 00Q000000000001", queued("00Q000000000001EAA")),
        ("send_wrong_checksum", "send 00Q000000000001EAB", unasked()),
        ("send_wrong_object", "send 001000000000001", unasked()),
        ("errors", "errors --closed", answers(&error_rows())),
        (
            "errors_none",
            "errors",
            answers(&AdminReply::Errors {
                rows: Vec::new(),
                more: 0,
            }),
        ),
        ("links", "links", answers(&links(page, Some("c:003")))),
        ("links_wrong_state", "links --state lost", unasked()),
        (
            "links_wrong_record",
            "links --record 00Q00000000000",
            unasked(),
        ),
        ("links_none", "links --state pending", none()),
        (
            "explain",
            "links --record 1001 --explain",
            answers(&links(both(), None)),
        ),
        ("explain_none", "links --record 1009 --explain", none()),
        (
            "explain_undecided",
            "links --explain",
            answers(&links(vec![held_pair()], Some("c:003"))),
        ),
    ]
}

fn sessions_of_configurations() -> Vec<Session> {
    let found = |findings| answers(&AdminReply::Findings { findings });
    let warning = || findings().split_off(1);
    let example = "config check ../../config/connector.example.yaml";
    let apply = "config apply ../../config/connector.example.yaml";
    let applied = |findings| {
        answers(&AdminReply::Applied {
            version: 4,
            findings,
        })
    };
    vec![
        ("config_check_fine", example, found(Vec::new())),
        ("config_check_findings", example, found(findings())),
        ("config_check_warnings", example, found(warning())),
        ("config_apply", apply, applied(Vec::new())),
        ("config_apply_warnings", apply, applied(warning())),
        ("config_apply_refused", apply, found(findings())),
        (
            "config_check_offline",
            "config check --offline tests/sessions/files/offline.yaml",
            unasked(),
        ),
        (
            "config_check_offline_json",
            "config check --offline --json tests/sessions/files/offline.yaml",
            unasked(),
        ),
        (
            "config_wrong_checksum",
            "config check tests/sessions/files/wrong_checksum.yaml",
            unasked(),
        ),
        (
            "config_wrong_value",
            "config apply tests/sessions/files/wrong_value.yaml",
            unasked(),
        ),
        (
            "config_unknown_setting",
            "config check tests/sessions/files/unknown_setting.yaml",
            unasked(),
        ),
        (
            "config_no_yaml",
            "config check tests/sessions/files/no_yaml.yaml",
            unasked(),
        ),
        ("config_no_file", "config check nowhere.yaml", unasked()),
    ]
}

fn sessions_of_the_setup() -> Vec<Session> {
    use OwnFieldState::{Created, Found, Missing};
    let example = "setup ../../config/connector.example.yaml";
    let again = || answers(&set_up(Found, Found, Vec::new()));
    vec![
        (
            "setup",
            example,
            answers(&set_up(Created, Found, Vec::new())),
        ),
        ("setup_again", example, again()),
        ("setup_in_force", "setup", again()),
        (
            "setup_salesforce",
            example,
            answers(&set_up(Created, Missing, no_key_field())),
        ),
        (
            "setup_wrong_file",
            "setup tests/sessions/files/no_yaml.yaml",
            unasked(),
        ),
    ]
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sessions")
}

#[test]
fn sessions_are_as_recorded() {
    let is_update = env::var_os("UPDATE_SESSIONS").is_some();
    let mut stale = Vec::new();
    for (name, line, answer) in sessions() {
        let played = play(line, answer);
        let file = folder().join(format!("{name}.txt"));
        if is_update {
            fs::write(&file, &played).unwrap();
        }
        let recorded = fs::read_to_string(&file).unwrap_or_default();
        if recorded != played {
            stale.push(format!(
                "{name}: recorded\n{recorded}\nbut played\n{played}"
            ));
        }
    }
    assert!(stale.is_empty(), "{}", stale.join("\n\n"));
}

#[test]
fn every_record_belongs_to_a_session() {
    let played: BTreeSet<String> = sessions()
        .iter()
        .map(|(name, ..)| format!("{name}.txt"))
        .collect();
    assert_eq!(played.len(), sessions().len(), "two sessions share a name");
    let files = fs::read_dir(folder()).unwrap();
    let recorded: BTreeSet<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".txt"))
        .collect();
    assert_eq!(recorded, played);
}

#[test]
fn a_failure_says_which_exit_code_it_is() {
    let usage = Failure::Usage("no file".to_owned());
    assert_eq!(usage.exit() as u8, 2);
    let InvokeError { function, problem } = unasked().unwrap_err();
    let unreachable = Failure::from(InvokeError { function, problem });
    assert_eq!(unreachable.exit() as u8, 3);
}
