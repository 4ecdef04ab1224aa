//! A command line of `ww run` taken apart, and put together again for the real one.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode};

/// Options before the program, each with its value; then the program with its arguments.
#[derive(Clone)]
pub struct Call {
    pub flags: Vec<(OsString, Option<OsString>)>,
    pub rest: Vec<OsString>,
}

impl Call {
    pub fn parse(mut words: impl Iterator<Item = OsString>) -> Self {
        let mut flags = Vec::new();
        let mut rest = Vec::new();
        while let Some(word) = words.next() {
            let bytes = word.as_encoded_bytes();
            if bytes == b"--" || !bytes.starts_with(b"-") {
                rest.push(word);
                break;
            }
            let alone =
                bytes.contains(&b'=') || [&b"--unknown-option"[..], b"--offline", b"-v", b"--verbose"].contains(&bytes);
            flags.push((word, if alone { None } else { words.next() }));
        }
        rest.extend(words);
        Self { flags, rest }
    }

    /// The real one, as a command that isn't started.
    pub fn real(&self) -> Command {
        let mut command = Command::new(std::env::var_os("WW_REAL").unwrap_or_default());
        command.env_remove("WW_REAL").arg("run");
        for (flag, value) in &self.flags {
            command.arg(flag).args(value);
        }
        command.args(&self.rest);
        command
    }

    /// Becomes the real one.
    pub fn become_real(self) -> ExitCode {
        eprintln!("ww-faulty: {}", self.real().exec());
        ExitCode::from(99)
    }

    /// Starts the real one.
    pub fn start(&self) -> Child {
        self.real().spawn().unwrap_or_else(|fault| panic!("the real one doesn't start: {fault}"))
    }

    /// The values of the flags of this name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &OsString> {
        self.flags.iter().filter(move |(flag, _)| flag == name).filter_map(|(_, value)| value.as_ref())
    }

    /// The endpoint that `--ipfs` names.
    pub fn endpoint(&self) -> String {
        self.values("--ipfs").last().cloned().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Changes the value of each flag of this name.
    pub fn change(&mut self, name: &str, change: impl Fn(&OsString) -> OsString) {
        for (flag, value) in &mut self.flags {
            if flag == name
                && let Some(old) = value
            {
                *value = Some(change(old));
            }
        }
    }

    /// The values of the flags of this name, in order, to be put into another order.
    pub fn reorder(&mut self, name: &str, order: impl Fn(&mut Vec<OsString>)) {
        let of_name = |flag: &&mut (OsString, Option<OsString>)| flag.0 == name;
        let mut values: Vec<OsString> =
            self.flags.iter_mut().filter(of_name).filter_map(|flag| flag.1.clone()).collect();
        order(&mut values);
        for (flag, value) in self.flags.iter_mut().filter(of_name).zip(values) {
            flag.1 = Some(value);
        }
    }
}
