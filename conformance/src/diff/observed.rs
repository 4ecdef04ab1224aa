//! What is seen of a run from outside, one text an aspect, without what an implementation may choose.

use std::collections::BTreeMap;
use std::fs;

use super::Differing;
use crate::ended::Ended;
use crate::facts::{Descriptor, Facts, escaped};

/// Every aspect, and what it is.
pub const ASPECTS: &[(&str, &str)] = &[
    ("exit", "the exit code, the signal, or that it hung"),
    ("output", "what the program printed, where that isn't its facts"),
    ("arguments", "the arguments that the cell sees, its own name first"),
    ("environment", "the variables that the cell sees"),
    ("descriptors", "the numbers that are open in the cell, and what each leads to"),
    ("umask", "the cell's umask"),
    ("signals", "signals that the cell ignores, or that are blocked there"),
    ("jail", "which namespaces are the cell's own, its capabilities, its interfaces, no_new_privs"),
    ("message", "which phrase the first line on standard error has, never its further words"),
    ("lines", "whether there is none, one or more lines on standard error"),
    ("leftovers", "how many processes and files were left behind"),
];

/// The names of the aspects, which may be ignored.
#[must_use]
pub fn aspects() -> &'static [&'static str] {
    const NAMES: [&str; ASPECTS.len()] = {
        let mut names = [""; ASPECTS.len()];
        let mut at = 0;
        while at < names.len() {
            names[at] = ASPECTS[at].0;
            at += 1;
        }
        names
    };
    &NAMES
}

/// The phrases by which kinds of failure are told apart.
const PHRASES: [&str; 4] =
    ["failed to get IPFS path", "unexpected node type", "failed to resolve path", "fd flag processing failed"];

/// What was seen of one run, by aspect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Observed(BTreeMap<&'static str, String>);

impl Observed {
    /// Takes down a run; `files` are those that the caller had open, and `anywhere` takes paths of one
    /// side's own out of a text.
    pub(super) fn of(ended: &Ended, files: &[((u64, u64), String)], anywhere: impl Fn(&str) -> String) -> Self {
        let mut seen = BTreeMap::from([
            ("exit", end(ended)),
            ("message", message(&ended.stderr).to_owned()),
            ("lines", lines(ended).to_owned()),
            ("leftovers", format!("{} processes, {} files", ended.report.killed.len(), ended.files.len())),
        ]);
        match serde_json::from_slice::<Facts>(&ended.stdout) {
            Ok(facts) => {
                let mut env = facts.env.clone();
                env.sort();
                seen.insert("output", "its facts".to_owned());
                seen.insert("arguments", anywhere(&listed(&facts.argv)));
                seen.insert("environment", anywhere(&listed(&env)));
                let fds = facts.fds.iter().map(|fd| descriptor(fd, &facts, files));
                seen.insert("descriptors", listed(&fds.collect::<Vec<_>>()));
                seen.insert("umask", format!("{:03o}", facts.umask));
                let signals = &facts.signals;
                seen.insert("signals", format!("ignored {:?}, blocked {:?}", signals.ignored, signals.blocked));
                seen.insert("jail", jail(&facts));
            }
            Err(_) => _ = seen.insert("output", anywhere(&format!("\"{}\"", escaped(&ended.stdout)))),
        }
        Self(seen)
    }

    /// The aspects in which two differ. What only a cell shows is compared where both sides ran one:
    /// that one of them didn't is seen by its output.
    pub(super) fn differing(a: &Self, b: &Self) -> Vec<Differing> {
        let both = |name: &'static str| {
            let (a, b) = (a.0.get(name)?, b.0.get(name)?);
            (a != b).then(|| (name, a.clone(), b.clone()))
        };
        aspects().iter().filter_map(|name| both(name)).collect()
    }
}

fn listed(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("\"{text}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

fn end(ended: &Ended) -> String {
    match (ended.report.overdue, ended.report.code, ended.report.signal) {
        (true, ..) => "it hung, and was killed".to_owned(),
        (_, Some(code), _) => format!("code {code}"),
        (_, None, signal) => format!("killed by signal {}", signal.unwrap_or(0)),
    }
}

/// The class of what was said: a phrase, a line of `ww`'s without one, another text, or nothing.
fn message(stderr: &[u8]) -> &'static str {
    let line = stderr.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(own) = line.strip_prefix(b"ww: ") else {
        return if stderr.is_empty() { "silent" } else { "a text without `ww: `" };
    };
    PHRASES.into_iter().find(|phrase| own.starts_with(phrase.as_bytes())).unwrap_or("a line of ww's without a phrase")
}

fn lines(ended: &Ended) -> &'static str {
    let count = ended.stderr.split_inclusive(|byte| *byte == b'\n').count();
    match (count, ended.report.code) {
        (0, _) => "none",
        // A usage error may add lines (MSG-06).
        (_, Some(2)) => "some",
        (1, _) => "one",
        _ => "more",
    }
}

/// Number, what it leads to, how it is open, where it stands.
fn descriptor(fd: &Descriptor, facts: &Facts, files: &[((u64, u64), String)]) -> String {
    let file = files.iter().find(|(identity, _)| *identity == fd.identity()).map(|(_, name)| name.clone());
    let standard = (0..fd.number.min(3)).find(|number| facts.identity(*number) == Some(fd.identity()));
    let what = match (file, standard) {
        (Some(name), _) => name,
        _ if fd.is_null() => "/dev/null".to_owned(),
        (None, Some(number)) if fd.number > 2 => format!("as {number}"),
        _ if fd.is_connected_stream() => "a connected stream socket".to_owned(),
        _ => fd.kind.clone().unwrap_or_else(|| "unknown".to_owned()),
    };
    let flags = fd.flags.unwrap_or(0);
    let access = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => "r",
        libc::O_WRONLY => "w",
        _ => "rw",
    };
    let mut text = format!("{} {what} {access}", fd.number);
    for (flag, name) in [(libc::O_APPEND, " append"), (libc::O_NONBLOCK, " nonblocking")] {
        text += if flags & flag == 0 { "" } else { name };
    }
    // A device and a pipe have no place to stand at.
    if let (Some(offset), Some("file")) = (fd.offset, fd.kind.as_deref()) {
        text += &format!(" at {offset}");
    }
    text
}

fn jail(facts: &Facts) -> String {
    let host = |name: &str| fs::read_link(format!("/proc/self/ns/{name}")).ok();
    let own = |(name, link): (&String, &Option<String>)| {
        let link = link.as_ref()?;
        (host(name)? != std::path::Path::new(link)).then(|| name.clone())
    };
    let own: Vec<String> = facts.namespaces.iter().filter_map(own).collect();
    let capable = facts.capabilities.values().any(|set| set.is_none_or(|set| set != 0));
    format!(
        "namespaces of its own {}, {} capabilities, no_new_privs {:?}, interfaces {:?}",
        own.join(" "),
        if capable { "some" } else { "no" },
        facts.no_new_privs.unwrap_or(0),
        facts.interfaces.as_deref().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_compared_by_its_phrase_alone() {
        for (text, class) in [
            ("", "silent"),
            ("ww: failed to resolve path: ./x: gone\n", "failed to resolve path"),
            ("ww: fd flag processing failed\nmore\n", "fd flag processing failed"),
            ("ww: no failed to resolve path\n", "a line of ww's without a phrase"),
            ("failed to resolve path: x\n", "a text without `ww: `"),
            ("\n", "a text without `ww: `"),
        ] {
            assert_eq!(message(text.as_bytes()), class, "{text:?}");
        }
    }

    #[test]
    fn what_one_side_alone_shows_is_no_difference_of_its_own() {
        let seen = |list: &[(&'static str, &str)]| {
            Observed(list.iter().map(|(name, text)| (*name, (*text).to_owned())).collect())
        };
        let (a, b) = (seen(&[("exit", "code 0"), ("umask", "022")]), seen(&[("exit", "code 2")]));
        assert_eq!(Observed::differing(&a, &b), [("exit", "code 0".to_owned(), "code 2".to_owned())]);
    }
}
