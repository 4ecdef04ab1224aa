//! `ww`: parse, run, print one error, exit.

use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use ww::cli::{self, Doctor, ExportArgs, Form, ImportArgs, Request, RunArgs, UsageError, Variables};
use ww::content::Cid;
use ww::export::{Goal, Progress, Told};
use ww::idgen::IdGen;
use ww::import::ImportError;
use ww::notice::{note, warning};
use ww::phrase::told;
use ww::progress::{Count, Meter, When};
use ww::run::{Outcome, RunError};
use ww::{doctor, exit, export, idgen, import, run, store};

#[cfg(target_env = "musl")]
#[global_allocator]
static HEAP: ww::sys::heap::Heap = ww::sys::heap::Heap;

fn main() -> ExitCode {
    let variables = Variables {
        ipfs: std::env::var_os("WW_IPFS"),
        env: std::env::var_os("WW_ENV"),
        gateways: std::env::var_os("WW_GATEWAYS"),
    };
    let code = match cli::parse(std::env::args_os(), variables) {
        Ok(Request::Run(args)) => run_cell(*args),
        Ok(Request::Doctor(wanted)) => examine(wanted),
        Ok(Request::Export(args)) => put(&args),
        Ok(Request::Import(args)) => take(*args),
        Ok(Request::IdGen(wanted)) => identify(&wanted),
        Ok(Request::Store(wanted, progress)) => look_after(&wanted, progress),
        Ok(Request::Help(text)) => print(text.as_bytes()),
        Ok(Request::Completions(script)) => print(&script),
        Err(error) => {
            complain(&error);
            exit::of_usage(&error)
        }
    };
    ExitCode::from(code)
}

fn run_cell(args: RunArgs) -> u8 {
    warn_of_overridden(args.overridden.as_ref());
    let form = args.dry_run;
    match run::claim().and_then(|handover| run::run(args, handover)) {
        Ok(Outcome::Ended(ended, reached)) => {
            if let Some(reached) = reached {
                complain(&reached);
            }
            exit::of_end(ended)
        }
        Ok(Outcome::Planned(plan)) if form == Some(Form::Json) => print(plan.json().as_bytes()),
        Ok(Outcome::Planned(plan)) => print(plan.to_string().as_bytes()),
        Err(error) => {
            if !matches!(error, RunError::Interrupted { .. }) {
                complain(&error);
            }
            exit::of_failure(&error)
        }
    }
}

/// Says that a flag doesn't count, as its variable does.
fn warn_of_overridden<T: Display>(overridden: Option<&(T, T)>) {
    if let Some((counts, ignored)) = overridden {
        warning(format_args!("WW_IPFS ({counts}) counts, --ipfs ({ignored}) doesn't"));
    }
}

/// Exports, and prints each path when it is done.
fn put(args: &ExportArgs) -> u8 {
    warn_of_overridden(args.overridden.as_ref());
    let aside = matches!(args.export.goal, Goal::CarOut);
    let meter = Meter::new(args.telling.progress, "to");
    let mut said = Said { aside, code: 0, meter, verbose: args.telling.verbose };
    match export::export(&args.export, &mut said) {
        Ok(()) => said.code,
        Err(error) => {
            said.clear();
            complain(&error);
            exit::of_export(&error)
        }
    }
}

/// What is said of an export.
struct Said {
    /// Standard output is the CAR's.
    aside: bool,
    code: u8,
    meter: Option<Meter>,
    verbose: bool,
}

impl Said {
    /// Takes the line away that says how far it is.
    fn clear(&mut self) {
        self.meter.as_mut().map(Meter::clear);
    }
}

impl Told for Said {
    fn exported(&mut self, cid: &Cid) {
        self.clear();
        let line = format!("/ipfs/{cid}\n");
        match self.aside {
            true => eprint!("{line}"),
            false => self.code = self.code.max(print(line.as_bytes())),
        }
    }

    fn note(&mut self, text: &str) {
        note(text);
    }

    fn progress(&mut self, Progress { bytes, of, to }: Progress<'_>) {
        if let Some(meter) = &mut self.meter {
            meter.goes("to", to);
            meter.is_at(bytes, of);
        }
    }

    fn gone(&mut self, blocks: u64, bytes: u64, to: &str) {
        if self.verbose {
            self.note(&format!("to {to}: {}", Count { blocks, bytes }));
        }
    }
}

/// Imports, and says nothing.
fn take(args: ImportArgs) -> u8 {
    warn_of_overridden(args.overridden.as_ref());
    match import::import(args.import) {
        Ok(()) => 0,
        Err(error) => {
            if !matches!(error, ImportError::Interrupted { .. }) {
                complain(&error);
            }
            exit::of_import(&error)
        }
    }
}

/// Makes an identity.
fn identify(wanted: &IdGen) -> u8 {
    match idgen::generate(wanted) {
        Ok(said) => print(&said),
        Err(error) => {
            complain(&error);
            exit::of_idgen(&error)
        }
    }
}

/// Says what this machine can do.
fn examine(wanted: Doctor) -> u8 {
    let said = match wanted {
        Doctor::AppArmor => doctor::apparmor::own_profile().map(|text| (text, true)),
        Doctor::Json => doctor::look().map(|found| (found.json(), found.has_full())),
        Doctor::Table => doctor::look().map(|found| (found.to_string(), found.has_full())),
    };
    match said {
        Ok((text, well)) => exit::of_doctor(well).max(print(text.as_bytes())),
        Err(error) => {
            complain(&error);
            exit::of_doctor(false)
        }
    }
}

/// Looks after what is stored.
fn look_after(wanted: &store::StoreArgs, progress: When) -> u8 {
    let mut meter = Meter::new(progress, "in");
    let performed = store::perform(wanted, &mut |done, of| {
        if let Some(meter) = &mut meter {
            meter.is_at(done, Some(of));
        }
    });
    drop(meter);
    match performed {
        Ok(report) => exit::of_check(report.well).max(print(report.text.as_bytes())),
        Err(error) => {
            complain(&error);
            exit::of_store(&error)
        }
    }
}

/// Prints an error and its causes: one line, the phrase first.
fn complain(error: &(dyn Error + 'static)) {
    let parser = error.downcast_ref::<UsageError>().is_some_and(|error| matches!(error, UsageError::Parser(_)));
    let mut line = told(error);
    // A path may hold anything, a parser's hints are lines of their own.
    if !parser {
        line = line.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
    }
    let _ = writeln!(std::io::stderr(), "ww: {line}");
}

fn print(text: &[u8]) -> u8 {
    let mut out = std::io::stdout();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            complain(&error);
            1
        }
        _ => 0,
    }
}
