//! Commands as a shell would be given them.
//!
//! What must stay true: a word that is quoted here is the same word in bash, byte for byte.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::launch::Plan;
use crate::record::{Record, Target};

/// The names that prlimit(1) has for the resources of setrlimit(2), by number.
const RESOURCES: [&str; 16] = [
    "cpu",
    "fsize",
    "data",
    "stack",
    "core",
    "rss",
    "nproc",
    "nofile",
    "memlock",
    "as",
    "locks",
    "sigpending",
    "msgqueue",
    "nice",
    "rtprio",
    "rttime",
];

/// Longer words and lists of words are cut where a line is only to be read.
const SHOWN: usize = 400;
const WORDS: usize = 24;

/// A word, quoted where it has to be.
#[must_use]
pub fn quoted(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_./=:,+@%".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        return OsStr::from_bytes(word).to_string_lossy().into_owned();
    }
    if word.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'\'') {
        return format!("'{}'", String::from_utf8_lossy(word));
    }
    format!("$'{}'", word.escape_ascii())
}

/// A word for reading: cut where it is long.
fn short(word: &[u8]) -> String {
    match word.len() {
        0..=SHOWN => quoted(word),
        length => format!("{}…({length} bytes)", quoted(&word[..40])),
    }
}

/// Options of env(1) for the signals that a command finds ignored or blocked.
#[must_use]
pub fn signals(plan: &Plan) -> Vec<String> {
    let option = |name: &str, signals: &[i32]| {
        let numbers: Vec<String> = signals.iter().map(ToString::to_string).collect();
        (!numbers.is_empty()).then(|| format!("--{name}-signal={}", numbers.join(",")))
    };
    option("ignore", &plan.ignored).into_iter().chain(option("block", &plan.blocked)).collect()
}

/// prlimit(1) with the limits of a command; nothing where it has those of its caller.
#[must_use]
pub fn limits(plan: &Plan) -> Vec<String> {
    let value = |limit: Option<u64>| limit.map_or("unlimited".into(), |value| value.to_string());
    let option = |limit: &crate::launch::Limit| {
        let name = RESOURCES.get(limit.resource as usize).copied().unwrap_or("nofile");
        format!("--{name}={}:{}", value(limit.soft), value(limit.hard))
    };
    let options: Vec<String> = plan.limits.iter().map(option).collect();
    if options.is_empty() { vec![] } else { [vec!["prlimit".into()], options].concat() }
}

/// What stands behind a command for one of its descriptors, its path written by `word`; nothing for one
/// that a script can't give it.
#[must_use]
pub fn redirection(number: i32, to: &Target, word: impl Fn(&[u8]) -> String) -> Option<String> {
    match to {
        Target::Null => Some(format!("{number}<>/dev/null")),
        Target::File { path, reads, writes, .. } => {
            let sign = match (reads, writes) {
                (true, true) => "<>",
                (false, true) => ">>",
                _ => "<",
            };
            Some(format!("{number}{sign}{}", word(path.as_os_str().as_bytes())))
        }
        Target::Captured | Target::Terminal | Target::Other(_) => None,
    }
}

/// The whole line, for reading: variables that only this command has, words, descriptors.
#[must_use]
pub fn line(record: &Record) -> String {
    let usual = ["PATH=", "HOME=", "TMPDIR=", "XDG_RUNTIME_DIR=", "XDG_DATA_HOME="];
    let own = |entry: &&Vec<u8>| !usual.iter().any(|usual| entry.starts_with(usual.as_bytes()));
    let mut words: Vec<String> = Vec::new();
    if record.plan.umask != 0o022 {
        words.push(format!("umask {:03o};", record.plan.umask));
    }
    let signals = signals(&record.plan);
    if !signals.is_empty() {
        words.push("env".into());
        words.extend(signals);
    }
    for entry in record.plan.env.iter().filter(own) {
        let at = entry.iter().position(|byte| *byte == b'=').unwrap_or(entry.len());
        words.push(format!("{}={}", String::from_utf8_lossy(&entry[..at]), short(&entry[(at + 1).min(entry.len())..])));
    }
    words.extend(limits(&record.plan));
    words.extend(record.plan.argv.iter().take(WORDS).map(|word| short(word)));
    if record.plan.argv.len() > WORDS {
        words.push(format!("… ({} words)", record.plan.argv.len()));
    }
    // An ordinary standard input isn't worth a word.
    let told = record.placed.iter().filter(|placed| placed.number != 0 || placed.to != Target::Null);
    let mut redirected: Vec<String> =
        told.filter_map(|placed| redirection(placed.number, &placed.to, quoted)).collect();
    if redirected.len() > WORDS {
        redirected.truncate(WORDS);
        redirected.push("…".into());
    }
    for number in 0..3 {
        if record.placed.iter().all(|placed| placed.number != number) {
            redirected.push(format!("{number}>&-"));
        }
    }
    words.extend(redirected);
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_gives_back_every_word() {
        let words: [&[u8]; 7] =
            [b"", b"plain", b"two words", b"it's", b"\xff\xfe\n\t\\", "ü$HOME`x`".as_bytes(), b"'\"\x01\x7f"];
        let script = words.iter().fold("printf '%s\\0'".to_owned(), |line, word| line + " " + &quoted(word));
        let said = std::process::Command::new("bash").arg("-c").arg(script).output().unwrap();
        let given: Vec<&[u8]> = said.stdout.split(|byte| *byte == 0).collect();
        assert_eq!(given[..words.len()], words);
    }
}
