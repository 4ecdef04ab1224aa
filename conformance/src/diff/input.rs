//! A whole invocation as data, which a person can read, change and run again.

use serde::{Deserialize, Serialize};

use crate::property::Word;

/// One call of `ww run` and the state of its caller. What is left out is as in an ordinary call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Input {
    /// What stands before the program, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<Flag>,
    /// `WW_ENV`, where it is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ww_env: Option<Word>,
    /// Numbers that are open in the caller, each with a file of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<i32>,
    /// Standard streams that the caller has closed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<i32>,
    /// The caller's umask, where it isn't 022.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub umask: Option<u32>,
    /// Signals that the caller ignores.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<i32>,
    /// What is to run.
    pub program: Program,
    /// What stands after it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Word>,
}

impl Input {
    /// How many parts it has: flags, arguments, and what of its caller isn't ordinary.
    #[must_use]
    pub fn size(&self) -> usize {
        let caller = usize::from(self.ww_env.is_some()) + usize::from(self.umask.is_some());
        self.flags.len() + self.args.len() + self.open.len() + self.closed.len() + self.ignored.len() + caller
    }
}

/// One flag, well-formed or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// `--env` and its value.
    Env(Word),
    /// `--with-fd` and its value.
    Grant(Word),
    /// The option that chooses a layout, by each adapter's name for it, and its value.
    Layout(Word),
    /// `--ipfs` and its value.
    Ipfs(Word),
    /// A word as it is: `--`, an option that nobody knows, one that lacks its value.
    Word(Word),
}

/// What stands for `<binary>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// What it is.
    pub what: What,
    /// How its path is written.
    #[serde(default)]
    pub named: Named,
}

/// What lies at the path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The probe, which prints its facts.
    #[default]
    Facts,
    /// The probe, which exits with this.
    Exit(u8),
    /// The probe, which dies by this signal.
    Signal(u8),
    /// A script that prints its arguments and exits with 3.
    Script,
    /// A script whose interpreter is missing.
    NoInterpreter,
    /// Nothing.
    Missing,
    /// A directory.
    Directory,
    /// The probe without an execute bit.
    NotExecutable,
    /// An executable text of no known format.
    Text,
    /// An executable file with nothing in it.
    EmptyFile,
    /// An empty word in the place of a path.
    EmptyPath,
    /// No word at all.
    Absent,
}

impl What {
    /// The name of the file, and the words after it that make it do this.
    pub(super) fn file(self) -> (&'static str, Vec<Word>) {
        match self {
            Self::Facts => ("probe", vec!["facts".into()]),
            Self::Exit(code) => ("probe", vec!["exit".into(), code.to_string().into()]),
            Self::Signal(signal) => ("probe", vec!["signal".into(), signal.to_string().into()]),
            Self::Script => ("script", vec![]),
            Self::NoInterpreter => ("uninterpreted", vec![]),
            Self::Missing | Self::EmptyPath | Self::Absent => ("missing", vec![]),
            Self::Directory => ("folder", vec![]),
            Self::NotExecutable => ("plain", vec![]),
            Self::Text => ("text", vec![]),
            Self::EmptyFile => ("empty", vec![]),
        }
    }
}

/// How a path is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Named {
    /// `./name`.
    #[default]
    Relative,
    /// From the root on.
    Absolute,
    /// `name`, which is a file in the working directory too.
    Bare,
    /// With a blank and a byte that isn't UTF-8 in it.
    Odd,
}

impl Named {
    /// What stands before the file's name in an odd one.
    pub(super) const ODD: &'static [u8] = b"odd \xff";

    /// The file's name.
    pub(super) fn name(self, file: &str) -> Vec<u8> {
        let before = if self == Self::Odd { Self::ODD } else { b"" };
        [before, file.as_bytes()].concat()
    }
}
