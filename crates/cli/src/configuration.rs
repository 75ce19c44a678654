//! The text of a configuration file as a configuration. In a file of its own, because the fuzz targets
//! read it too.

use std::cell::RefCell;

use sync_core::config::Config;
use sync_core::config::lint::{Finding, Severity};

/// The configuration, or the first place where the text is none: path, line, column, expectation.
pub(crate) fn parse(text: &str) -> Result<Config, Finding> {
    let place = RefCell::new(String::new());
    let parsed = serde_saphyr::with_deserializer_from_str(text, |yaml| {
        serde_path_to_error::deserialize(yaml).map_err(|error| {
            *place.borrow_mut() = error.path().to_string();
            error.into_inner()
        })
    });
    parsed.map_err(|error| {
        let path = place.into_inner();
        Finding {
            severity: Severity::Error,
            path: if path == "." { String::new() } else { path },
            rule: "file".to_owned(),
            message: error.without_snippet().to_string(),
        }
    })
}
