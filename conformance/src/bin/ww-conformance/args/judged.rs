//! The words that say which implementation is judged, and by whose words.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ww_conformance::adapter::{Adapter, Origins};
use ww_conformance::clauses::Profile;
use ww_conformance::node::Kind;
use ww_conformance::setup::Setup;

use crate::{Trouble, harness, usage};

/// Which implementation, judged by whose words.
#[derive(Clone, Debug, Default, Args)]
pub struct Judged {
    /// The adapter: a TOML file that says how the implementation is called and what it claims.
    #[arg(long, value_name = "FILE", conflicts_with = "impl_")]
    pub adapter: Option<PathBuf>,
    /// The implementation as a command, quoted as for a shell: './my-ww run'. It claims core and fds,
    /// or what --profile names.
    #[arg(long = "impl", value_name = "CMD")]
    pub impl_: Option<String>,
    /// Whose words it is judged by, whatever the adapter says: the source document's alone, or also
    /// those of the rulings on what that leaves open.
    #[arg(long, value_enum, value_name = "WHOSE")]
    pub origin: Option<OriginWord>,
    /// Where the IPFS node comes from; without it, the first of these that is there.
    #[arg(long, value_enum, value_name = "KIND")]
    pub node: Option<Kind>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum OriginWord {
    /// The source document's and the rulings'.
    All,
    /// The source document's alone.
    Source,
}

impl Judged {
    /// The adapter that these words describe, with the profiles of `--profile` for a bare command.
    pub fn adapter(&self, profiles: &[Profile]) -> Result<Adapter, Trouble> {
        let mut adapter = match (&self.adapter, &self.impl_) {
            (Some(file), _) => Adapter::read(file).map_err(usage)?,
            (_, Some(words)) => {
                let mut adapter = Adapter::of_command(words).map_err(usage)?;
                if !profiles.is_empty() {
                    adapter.profiles = profiles.iter().copied().collect();
                }
                adapter
            }
            _ => Adapter::from_environment(&Setup::beside().map_err(harness)?).map_err(usage)?,
        };
        if let Some(word) = self.origin {
            adapter.origin = match word {
                OriginWord::All => Origins::All,
                OriginWord::Source => Origins::Source,
            };
        }
        Ok(adapter)
    }
}
