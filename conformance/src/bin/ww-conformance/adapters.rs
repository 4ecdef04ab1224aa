//! `adapter init` and `adapter check`.

use std::fs::File;
use std::io::{ErrorKind, Write};

use ww_conformance::adapter::{Adapter, TEMPLATE};
use ww_conformance::check::{self, Finding};
use ww_conformance::setup::Setup;

use super::args::AdapterVerb;
use super::say::{self, say};
use super::{Ended, Trouble, harness, usage};

pub fn act(verb: &AdapterVerb) -> Result<Ended, Trouble> {
    match verb {
        AdapterVerb::Init { file: None } => {
            say::write(format_args!("{TEMPLATE}"));
            Ok(Ended::Well)
        }
        AdapterVerb::Init { file: Some(path) } => {
            let written = File::create_new(path).and_then(|mut file| file.write_all(TEMPLATE.as_bytes()));
            match written {
                Err(fault) if fault.kind() == ErrorKind::AlreadyExists => {
                    Err(usage(format!("{} is there already, and isn't replaced", path.display())))
                }
                Err(fault) => Err(usage(format!("{} can't be written: {fault}", path.display()))),
                Ok(()) => {
                    say!("wrote {}; fill in `command`, then: ww-conformance adapter check {0}", path.display());
                    Ok(Ended::Well)
                }
            }
        }
        AdapterVerb::Check { file } => {
            let adapter = Adapter::read(file).map_err(usage)?;
            say!("{}: `{}` claims {}", file.display(), adapter.command.join(" "), claims(&adapter));
            let setup = Setup::new(adapter, &Setup::beside().map_err(harness)?, None).map_err(harness)?;
            Ok(tell(&check::check(&setup)))
        }
    }
}

fn claims(adapter: &Adapter) -> String {
    adapter.profiles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn tell(findings: &[(&'static str, Finding)]) -> Ended {
    let mut ended = Ended::Well;
    for (what, finding) in findings {
        match finding {
            Finding::Fine(how) => say!("ok              {what}: {how}"),
            Finding::Adapter(why) => {
                say!("adapter         {what}: {why}");
                ended = Ended::Usage;
            }
            Finding::Implementation(why) => {
                say!("implementation  {what}: {why}");
                if ended == Ended::Well {
                    ended = Ended::NotConformant;
                }
            }
            Finding::Harness(why) => {
                say!("harness         {what}: {why}");
                return Ended::HarnessFault;
            }
        }
    }
    say!(
        "{}",
        match ended {
            Ended::Well => "the adapter fits the implementation",
            Ended::Usage => "the adapter is wrong: it says what isn't so",
            _ => "the adapter is fine as far as can be told; the implementation doesn't do what it must",
        }
    );
    ended
}
