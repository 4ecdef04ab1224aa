//! The same with the commands themselves: `ww export`, `ww import`, `ww run /ipfs/…` and `ww store gc`, two at a time, killed with
//! all that they started.
//!
//! What was reported as done is what an export has printed and what an import has exited with 0 for. After each pair
//! `ww store verify` must find nothing, and all that was printed must be listed; some of it is imported and compared.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use ww::store::{Place, Store};

use crate::{Numbers, gateway};

/// More than so many exports aren't kept: each is looked for after each pair.
const MOST: usize = 24;

/// Where all of it happens.
struct Stage {
    home: tempfile::TempDir,
    numbers: Numbers,
    /// What was printed, by the number that it was made of.
    kept: BTreeMap<u64, String>,
    /// A gateway with content that the store under test lacks.
    gateway: String,
    foreign: Vec<String>,
    /// What was imported where.
    there: BTreeMap<PathBuf, u64>,
    imports: u64,
    runs: u64,
}

/// What was started.
enum Work {
    Export([u64; 2]),
    Import { of: u64, to: PathBuf },
    Run,
    Collect,
}

/// Kills so many, or as many as there are in so long a time.
pub(crate) fn parent(kills: u64, most: Duration, seed: u64) -> Result<(), String> {
    let started = Instant::now();
    let mut stage = Stage::new(seed)?;
    let mut done = 0;
    while done < kills && started.elapsed() < most {
        let work = [stage.work(0), stage.work(1)];
        let mut children = Vec::new();
        for work in work {
            children.push((stage.start(&work)?, work));
        }
        for (child, work) in &mut children {
            // In the middle of most of them: a debug build takes some 10 ms, one that syncs some more.
            let most = if matches!(work, Work::Export(_)) { 60_000 } else { 30_000 };
            std::thread::sleep(Duration::from_micros(stage.numbers.below(most)));
            // It may have ended, which is what it was told.
            let _ = killpg(Pid::from_raw(child.id().cast_signed()), Signal::SIGKILL);
            done += 1;
        }
        for (child, work) in children {
            stage.ended(child, work)?;
        }
        stage.check().map_err(|why| format!("commands, seed {seed}, after {done} kills: {why}"))?;
    }
    let kept: Vec<u64> = stage.kept.keys().copied().collect();
    kept.into_iter().try_for_each(|of| stage.is_whole(of))?;
    let (exports, Stage { imports, runs, .. }) = (stage.kept.len() as u64, &stage);
    if exports < MOST as u64 / 2 || *imports == 0 || *runs == 0 {
        return Err(format!(
            "commands: only {exports} exports, {imports} imports, {runs} runs: too little was at stake"
        ));
    }
    println!("powercut: {done} kills of commands, nothing lost, {:.1} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// The files of a directory that is made of a number: one has several blocks.
fn files(of: u64) -> [(&'static str, Vec<u8>); 3] {
    let mut numbers = Numbers(of);
    [("small", 100), ("below/large", 2_500_000), ("below/other", 70_000)].map(|(name, length)| {
        let length = length + numbers.below(1000);
        (name, (0..length / 8).flat_map(|_| numbers.next().to_le_bytes()).collect())
    })
}

fn made(top: &Path, of: u64) -> std::io::Result<()> {
    std::fs::create_dir_all(top.join("below"))?;
    files(of).into_iter().try_for_each(|(name, bytes)| std::fs::write(top.join(name), bytes))
}

/// Whether a directory is that of a number.
fn is_made(top: &Path, of: u64) -> bool {
    files(of).into_iter().all(|(name, bytes)| std::fs::read(top.join(name)).is_ok_and(|read| read == bytes))
}

/// A script that says that it ran, and no other's block.
fn script(of: u64) -> String {
    let lines: String = (0..40_000).map(|line| format!("# {of} {line}\n")).collect();
    format!("#!/bin/sh\necho ran\n{lines}")
}

impl Stage {
    fn new(seed: u64) -> Result<Stage, String> {
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        for name in ["tmp", "data"] {
            std::fs::create_dir(home.path().join(name)).map_err(|error| error.to_string())?;
        }
        let mut stage = Stage {
            home,
            numbers: Numbers(seed),
            kept: BTreeMap::new(),
            gateway: String::new(),
            foreign: Vec::new(),
            there: BTreeMap::new(),
            imports: 0,
            runs: 0,
        };
        // Programs of somebody else's, in a store of theirs.
        let theirs = stage.at("theirs");
        for of in 0..12 {
            let path = stage.at("script");
            std::fs::write(&path, script(of)).map_err(|error| error.to_string())?;
            let mut export = stage.ww(["export", "--offline"]);
            let output = export.env("WW_STORE", &theirs).arg(&path).output().map_err(|error| error.to_string())?;
            stage.foreign.push(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let store = Store::open(&Place::new(&theirs, None)).map_err(|error| error.to_string())?;
        stage.gateway = gateway::serve(store).map_err(|error| error.to_string())?;
        Ok(stage)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn ww<const N: usize>(&self, words: [&str; N]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ww"));
        command
            .args(words)
            .env("WW_STORE", self.at("store"))
            .env("TMPDIR", self.at("tmp"))
            .env("XDG_RUNTIME_DIR", self.at("tmp"));
        command.env("WW_STORE_LIMIT", "3M").env_remove("WW_IPFS").env_remove("WW_GATEWAYS");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        command
    }

    /// What the one, or the other, is to do: each has places of its own to import to.
    fn work(&mut self, which: u64) -> Work {
        let chosen = self.numbers.below(self.kept.len().max(1) as u64) as usize;
        let to = self.numbers.below(4);
        let to = self.at(&format!("data/{which}-{to}"));
        match (self.numbers.below(8), self.kept.keys().nth(chosen)) {
            (4..=5, Some(of)) => Work::Import { of: *of, to },
            (6, _) => Work::Run,
            (7, _) => Work::Collect,
            _ => Work::Export([self.numbers.next(), self.numbers.next()]),
        }
    }

    fn start(&mut self, work: &Work) -> Result<Child, String> {
        let mut command = match work {
            Work::Export(of) => {
                let mut export = self.ww(["export", "--offline"]);
                for of in of {
                    let top = self.at(&format!("made/{of}"));
                    made(&top, *of).map_err(|error| error.to_string())?;
                    export.arg(top);
                }
                export
            }
            Work::Import { of, to } => {
                let mut import = self.ww(["import", "--offline", "--force"]);
                import.arg(&self.kept[of]).arg(to);
                import
            }
            Work::Run => {
                let mut run = self.ww(["run", "--listen", "none", "--ipfs", "/ip4/127.0.0.1/tcp/1", "--gateway"]);
                let chosen = self.numbers.below(self.foreign.len() as u64) as usize;
                run.arg(&self.gateway).arg(&self.foreign[chosen]);
                run
            }
            Work::Collect => self.ww(["store", "gc"]),
        };
        command.spawn().map_err(|error| error.to_string())
    }

    /// Remembers what was reported.
    fn ended(&mut self, child: Child, work: Work) -> Result<(), String> {
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let code = output.status.code();
        match (&work, code) {
            (_, Some(1..)) => return Err(format!("a command failed by itself: {}", shown(&output))),
            (Work::Export(of), _) => {
                // A line that was cut by the kill was not told.
                let told = String::from_utf8_lossy(&output.stdout).into_owned();
                let whole = told.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
                of.iter().for_each(|of| drop(std::fs::remove_dir_all(self.at(&format!("made/{of}")))));
                self.kept.extend(of.iter().copied().zip(whole.map(str::to_owned)));
            }
            (Work::Import { of, to }, Some(0)) => {
                self.imports += 1;
                if !is_made(to, *of) {
                    return Err(format!("{} was imported, and isn't what {of} is", to.display()));
                }
                self.there.insert(to.clone(), *of);
            }
            (Work::Import { of, to }, _) if to.exists() => {
                // What was there before, or what was to be: whole.
                let before = self.there.get(to).is_some_and(|of| is_made(to, *of));
                if !before && !is_made(to, *of) {
                    return Err(format!("{} is half an import", to.display()));
                }
                if !before {
                    self.there.insert(to.clone(), *of);
                }
            }
            (Work::Run, Some(0)) if output.stdout == b"ran\n" => self.runs += 1,
            (Work::Run, Some(0)) => return Err(format!("a program ran otherwise: {}", shown(&output))),
            _ => {}
        }
        Ok(())
    }

    /// Everything that was reported is listed, and all is clean.
    fn check(&mut self) -> Result<(), String> {
        let said = |output: std::io::Result<Output>| output.map_err(|error| error.to_string());
        let verified = said(self.ww(["store", "verify"]).output())?;
        if !verified.status.success() || !verified.stderr.is_empty() {
            return Err(format!("not clean: {}", shown(&verified)));
        }
        let listed = String::from_utf8_lossy(&said(self.ww(["store", "ls"]).output())?.stdout).into_owned();
        if let Some(path) = self.kept.values().find(|path| !listed.contains(path.trim_start_matches("/ipfs/"))) {
            return Err(format!("{path} was printed, and isn't kept"));
        }
        let chosen = self.numbers.below(4 * self.kept.len().max(1) as u64) as usize;
        if let Some(of) = self.kept.keys().nth(chosen).copied() {
            self.is_whole(of)?;
        }
        while self.kept.len() > MOST {
            let Some((_, path)) = self.kept.pop_first() else { break };
            let removed = said(self.ww(["store", "rm"]).arg(path.trim_start_matches("/ipfs/")).output())?;
            if !removed.status.success() {
                return Err(format!("it can't be removed: {}", shown(&removed)));
            }
        }
        Ok(())
    }

    /// What was exported comes out of the store as it went in.
    fn is_whole(&self, of: u64) -> Result<(), String> {
        let to = self.at("whole");
        let output = self.ww(["import", "--offline", "--force"]).arg(&self.kept[&of]).arg(&to).output();
        let output = output.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("{} was printed, and isn't there: {}", self.kept[&of], shown(&output)));
        }
        match is_made(&to, of) {
            true => Ok(()),
            false => Err(format!("{} comes out of the store as something else", self.kept[&of])),
        }
    }
}

fn shown(output: &Output) -> String {
    format!("{}: {}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
