//! What an IPNS name stands for: by the daemon, or by a signed record of a gateway's.
//!
//! - What it does: asks the daemon; where it fails or is slow, asks every gateway for the name's record, and takes the
//!   newest that is signed by the name's own key.
//! - What must stay true: of a gateway nothing counts that the name's key didn't sign. A DNS name has no key: it is the
//!   daemon's to look up (DNSLink).
//! - Serves: rulings 7, 16, 20; clauses STORE-40 to STORE-42. Reference: IPNS record specification.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use futures::future::{Either, select};
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::time::{sleep, timeout};

use super::pace::SILENCE;
use super::source::{Source, Standing};
use super::{Failures, Sources};
use crate::content::ContentError;
use crate::content::ipns::{LARGEST, Name, Record};
use crate::content::path::ContentPath;

/// How long other gateways may take to have a newer record, once one has any.
const NEWER: Duration = Duration::from_millis(300);
/// Why gateways aren't asked for a DNS name.
const DNSLINK: &str = "gateways aren't asked, as a name of DNS (DNSLink) has no signed record: a daemon resolves it";

/// Who was asked in vain, and what each said.
type Said = Vec<(String, ContentError)>;

impl Sources {
    /// What an IPNS name stands for now; the names below it in `path` follow.
    pub(crate) async fn resolve_name(&self, path: &ContentPath) -> Result<ContentPath, ContentError> {
        let gateways: Vec<&Source> = self.sources.iter().filter(|source| source.is_gateway()).collect();
        let name = Name::parse(path.root_text());
        let hint = name.is_none() && !gateways.is_empty();
        let found = match (name.filter(|_| !gateways.is_empty()), self.daemon.is_some()) {
            (None, false) => Err(Vec::new()),
            (None, true) => self.by_daemon(path).await,
            (Some(name), false) => self.by_records(&name, path, &gateways).await,
            (Some(name), true) => self.by_either(&name, path, &gateways).await,
        };
        found.map_err(|said| {
            let mut failures = Failures::new(self, true);
            said.into_iter().for_each(|(name, error)| failures.push(&name, error));
            if hint {
                failures.hint(DNSLINK);
            }
            failures.into_error(self.is_one())
        })
    }

    async fn by_daemon(&self, path: &ContentPath) -> Result<ContentPath, Said> {
        let said = |error| vec![(self.daemon.iter().map(|it| it.endpoint().to_string()).collect(), error)];
        match &self.daemon {
            Some(daemon) => daemon.resolve_name(path).await.map_err(said),
            None => Err(Vec::new()),
        }
    }

    /// By the daemon, and by gateways too where it is slow: it looks a name up in the network.
    async fn by_either(&self, name: &Name, path: &ContentPath, gateways: &[&Source]) -> Result<ContentPath, Said> {
        let by_daemon = pin!(self.by_daemon(path));
        let by_daemon = match select(by_daemon, pin!(sleep(SILENCE))).await {
            Either::Left((Ok(found), _)) => return Ok(found),
            Either::Left((Err(said), _)) => {
                return self.by_records(name, path, gateways).await.map_err(|more| both(said, more));
            }
            Either::Right(((), by_daemon)) => by_daemon,
        };
        match select(by_daemon, pin!(self.by_records(name, path, gateways))).await {
            Either::Left((Ok(found), _)) | Either::Right((Ok(found), _)) => Ok(found),
            Either::Left((Err(said), other)) => other.await.map_err(|more| both(said, more)),
            Either::Right((Err(more), other)) => other.await.map_err(|said| both(said, more)),
        }
    }

    /// What the newest record stands for that gateways have.
    async fn by_records(&self, name: &Name, path: &ContentPath, gateways: &[&Source]) -> Result<ContentPath, Said> {
        let mut said = Vec::new();
        let ask = async |source: &Source| {
            let record = source.record(path.root_text(), LARGEST).await?;
            Ok(Record::verified(&record, name, SystemTime::now())?)
        };
        let asked = gateways.iter().filter(|source| source.standing() != Standing::Lied);
        let mut asking: FuturesUnordered<_> =
            asked.map(|source| async { (*source, ask(source).await as Result<Record, ContentError>) }).collect();
        let mut newest: Option<Record> = None;
        loop {
            let next = match newest {
                None => asking.next().await,
                Some(_) => timeout(NEWER, asking.next()).await.ok().flatten(),
            };
            match next {
                None => break,
                Some((_, Ok(record))) => {
                    if newest.as_ref().is_none_or(|newest| newest.is_older_than(&record)) {
                        newest = Some(record);
                    }
                }
                Some((source, Err(error))) => {
                    source.failed(&error);
                    said.push((source.name().to_owned(), error));
                }
            }
        }
        newest.map(|record| record.into_path().join(path.names())).ok_or(said)
    }
}

fn both(mut said: Said, more: Said) -> Said {
    said.extend(more);
    said
}
