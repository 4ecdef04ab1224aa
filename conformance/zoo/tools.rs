//! Faults of `ww export`, `ww store` and `ww idgen`: what is taken, what becomes of it, where it goes, and what is said.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Output, Stdio};

use super::Fault;

/// A command line of the real one, of another command than `run`.
#[derive(Clone)]
pub struct Tool {
    pub verb: OsString,
    pub words: Vec<OsString>,
}

pub const FAULTS: &[Fault] = &[
    Fault::tool("export-bare", "STORE-01", "prints the CID alone", |tool| {
        let ended = tool.ended();
        print(String::from_utf8_lossy(&ended.stdout).replace("/ipfs/", "").as_bytes());
        code(&ended)
    }),
    Fault::tool("export-elsewhere", "STORE-01", "exports to a store of its own", |tool| {
        let own = std::env::temp_dir().join("ww-elsewhere");
        let ended = tool.real().env("WW_STORE", &own).output();
        fs::remove_dir_all(own).ok();
        passed(ended)
    }),
    Fault::tool("export-one-profile", "STORE-07", "takes no notice of --profile", |tool| {
        tool.without_value("--profile").become_real()
    }),
    Fault::tool("export-old-profile", "STORE-07", "makes CIDs of version 0 unless told otherwise", |tool| {
        tool.unless("--profile", &["--profile", "unixfs-v0-2015"]).become_real()
    }),
    Fault::tool("export-no-dots", "STORE-08", "leaves out what begins with a dot", |tool| {
        tool.with(&["--exclude", ".*"]).become_real()
    }),
    Fault::tool("export-passes-over", "STORE-08", "leaves out fifos and sockets without a word", |tool| {
        let ended = tool.ended();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        if said.contains("fifo") || said.contains("socket") {
            return tool.with(&["--exclude", "odd-one"]).become_real();
        }
        passed(Ok(ended))
    }),
    Fault::tool("export-says-little", "STORE-08 STORE-25", "doesn't say what can't be exported", |tool| {
        let ended = tool.ended();
        if code(&ended) == ExitCode::from(1) {
            eprintln!("ww: failed to export");
            return ExitCode::from(1);
        }
        passed(Ok(ended))
    }),
    Fault::tool("export-daemon-optional", "STORE-06 STORE-20", "takes a daemon that doesn't answer for none", |tool| {
        let ended = tool.ended();
        if String::from_utf8_lossy(&ended.stderr).contains("IPFS daemon") && !ended.status.success() {
            let tool = tool.without_value("--ipfs");
            return passed(tool.with(&["--offline"]).real().env_remove("WW_IPFS").output());
        }
        passed(Ok(ended))
    }),
    Fault::tool("export-quiet", "STORE-06", "doesn't say that the store alone has it", |tool| {
        let ended = tool.ended();
        print(&ended.stdout);
        if !ended.status.success() {
            let _ = std::io::stderr().write_all(&ended.stderr);
        }
        code(&ended)
    }),
    Fault::tool("export-store-alone", "STORE-20", "asks no daemon", |tool| {
        let tool = tool.without_value("--ipfs");
        tool.with(&["--offline"]).become_real()
    }),
    Fault::tool("export-last-line", "STORE-21", "prints the last path alone", |tool| {
        let ended = tool.ended();
        let text = String::from_utf8_lossy(&ended.stdout);
        if let Some(line) = text.lines().last() {
            print(format!("{line}\n").as_bytes());
        }
        let _ = std::io::stderr().write_all(&ended.stderr);
        code(&ended)
    }),
    Fault::tool("export-unwrapped", "STORE-21", "takes no notice of --wrap", |tool| {
        tool.without("--wrap").become_real()
    }),
    Fault::tool("export-all", "STORE-22", "takes no notice of --exclude", |tool| {
        tool.without_value("--exclude").become_real()
    }),
    Fault::tool("export-names-alone", "STORE-22", "takes a path in --exclude for its last name", |mut tool| {
        for at in 1..tool.words.len() {
            if tool.words[at - 1] == "--exclude" {
                let pattern = tool.words[at].to_string_lossy().trim_end_matches('/').to_owned();
                tool.words[at] = pattern.rsplit('/').next().unwrap_or_default().into();
            }
        }
        tool.become_real()
    }),
    Fault::tool("export-hash-kept", "STORE-23", "keeps what it was to hash only", |tool| {
        if tool.words.iter().any(|word| word == "--only-hash") {
            let tool = tool.without("--only-hash").without_value("--ipfs");
            return passed(tool.with(&["--offline"]).real().output());
        }
        tool.become_real()
    }),
    Fault::tool(
        "export-car-first",
        "STORE-23",
        "empties the CAR file before it knows that there is something",
        |tool| {
            if let Some(car) = tool.value("--car") {
                fs::write(car, "").ok();
            }
            tool.become_real()
        },
    ),
    Fault::tool("export-car-cut", "STORE-23", "leaves the last byte of a CAR out", |tool| {
        let ended = tool.ended();
        if let Some(car) = tool.value("--car")
            && let Ok(mut bytes) = fs::read(&car)
            && ended.status.success()
        {
            bytes.pop();
            fs::write(car, bytes).ok();
        }
        passed(Ok(ended))
    }),
    Fault::tool("export-what-it-can", "STORE-25", "prints a path for what it couldn't read whole", |tool| {
        let ended = tool.ended();
        let _ = std::io::stderr().write_all(&ended.stderr);
        print(&ended.stdout);
        if code(&ended) == ExitCode::from(1) {
            println!("/ipfs/bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
        }
        code(&ended)
    }),
    Fault::tool("export-printed-early", "STORE-59", "prints a path before the content is there", |tool| {
        let hashed = tool.clone().with(&["--only-hash"]).ended();
        print(&hashed.stdout);
        let mut real = tool.real();
        let fault = real.stdout(Stdio::null()).exec();
        panic!("the real one doesn't start: {fault}");
    }),
    Fault::tool("store-gc-frees-all", "STORE-59", "frees what is kept, too", |tool| {
        if let (true, Some(store)) = (tool.words.iter().any(|word| word == "gc"), std::env::var_os("WW_STORE")) {
            fs::remove_dir_all(store).ok();
        }
        tool.become_real()
    }),
    Fault::tool("idgen-same", "STORE-13", "has one identity for all", |tool| {
        if tool.words.is_empty() {
            println!("{ONE}");
            return ExitCode::SUCCESS;
        }
        tool.become_real()
    }),
    Fault::tool("idgen-peer-id", "STORE-13", "prints a peer id in place of the identity", |tool| {
        if tool.words.is_empty() {
            println!("12D3KooWSpBLuNN3qvN4kKKivEtJgdUCNNdMAZ9rVXxqG5XtoJMx");
            return ExitCode::SUCCESS;
        }
        tool.become_real()
    }),
    Fault::tool("idgen-open", "STORE-24", "lets others read the file", |tool| {
        let ended = tool.ended();
        if let Some(file) = tool.value("--out") {
            fs::set_permissions(file, fs::Permissions::from_mode(0o644)).ok();
        }
        passed(Ok(ended))
    }),
    Fault::tool("idgen-over", "STORE-24", "writes over what is there", |tool| {
        tool.without("--force").with(&["--force"]).become_real()
    }),
];

const ONE: &str = "CAESQDO2oRYCDPITSHj4V8NyJdQVnMhaj31IUk9x86ViWeKcpuaGpCzuc+FXYswmlW2G8ZitJaMRzW5C4ng8hdN8WY0=";

impl Tool {
    /// The real one, as a command that isn't started.
    pub fn real(&self) -> Command {
        let mut command = Command::new(std::env::var_os("WW_REAL").unwrap_or_default());
        command.env_remove("WW_REAL").arg(&self.verb).args(&self.words);
        command
    }

    /// Becomes the real one.
    pub fn become_real(self) -> ExitCode {
        eprintln!("ww-faulty: {}", self.real().exec());
        ExitCode::from(99)
    }

    /// How the real one ends.
    pub fn ended(&self) -> Output {
        let output = self.real().stdin(Stdio::inherit()).output();
        output.unwrap_or_else(|fault| panic!("the real one doesn't start: {fault}"))
    }

    /// With more words, before all others.
    pub fn with(mut self, words: &[&str]) -> Self {
        self.words.splice(0..0, words.iter().map(OsString::from));
        self
    }

    fn unless(self, flag: &str, words: &[&str]) -> Self {
        if self.words.iter().any(|word| word == flag) { self } else { self.with(words) }
    }

    pub fn without(mut self, flag: &str) -> Self {
        self.words.retain(|word| word != flag);
        self
    }

    pub fn without_value(mut self, flag: &str) -> Self {
        while let Some(at) = self.words.iter().position(|word| word == flag) {
            self.words.drain(at..(at + 2).min(self.words.len()));
        }
        self
    }

    fn value(&self, flag: &str) -> Option<PathBuf> {
        let at = self.words.iter().position(|word| word == flag)?;
        self.words.get(at + 1).map(PathBuf::from)
    }
}

fn print(bytes: &[u8]) {
    let _ = std::io::stdout().write_all(bytes);
}

pub fn code(ended: &Output) -> ExitCode {
    ExitCode::from(ended.status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(99))
}

/// Passes on how the real one ended.
pub fn passed(ended: std::io::Result<Output>) -> ExitCode {
    match ended {
        Ok(ended) => {
            print(&ended.stdout);
            let _ = std::io::stderr().write_all(&ended.stderr);
            code(&ended)
        }
        Err(fault) => panic!("the real one doesn't start: {fault}"),
    }
}
