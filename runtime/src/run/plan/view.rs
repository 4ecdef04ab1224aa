//! The entries of a view, as a plan shows them.

use serde::Serialize;

use crate::jail::grant::Access;
use crate::jail::view::{Entry, Granted, What};

/// One entry: where, what, and from where on the host.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) at: String,
    pub(super) is: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) options: Vec<String>,
}

impl Shown {
    pub(super) fn new(entry: &Entry) -> Shown {
        let text = |string: &std::ffi::CString| Some(string.to_string_lossy().into_owned());
        let (is, from) = match &entry.what {
            What::Directory => ("directory", None),
            What::Link(to) => ("link", text(to)),
            What::Text(_) => ("text", None),
            What::Tree(from) => ("tree", text(from)),
            What::File { from, .. } => ("file", text(from)),
            What::Granted(Granted { from, access: Access::Read, .. }) => ("granted", text(from)),
            What::Granted(Granted { from, access: Access::Write, .. }) => ("writable", text(from)),
            What::Device(from) => ("device", text(from)),
            What::Scratch { .. } => ("scratch", None),
            What::Processes => ("processes", None),
        };
        let options = match &entry.what {
            What::Scratch { options } => options
                .iter()
                .map(|(key, value)| format!("{}={}", key.to_string_lossy(), value.to_string_lossy()))
                .collect(),
            _ => Vec::new(),
        };
        Shown { at: format!("/{}", entry.at.to_string_lossy()), is, from, options }
    }
}
