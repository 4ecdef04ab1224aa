//! Where and as whom a run would meet peers, as a plan shows it.

use std::fmt;

use serde::Serialize;

use crate::peers::Who;
use crate::peers::address::{Address, Listen};

/// What peers would find.
#[derive(Debug, Serialize)]
pub(super) struct Met {
    /// What would be listened at.
    listen: Vec<String>,
    /// The peer id, where it is known before the run.
    id: Option<String>,
    /// The peers that would be admitted; null is all.
    allowed: Option<Vec<String>>,
}

impl Met {
    /// `None`: no peers at all.
    pub(super) fn new(listen: &Listen, who: &Who) -> Option<Met> {
        let addresses = match listen {
            Listen::Nowhere => return None,
            Listen::Loopback => vec![Address::LOOPBACK],
            Listen::At(addresses) => addresses.clone(),
        };
        let ids = |allowed: &std::collections::BTreeSet<_>| allowed.iter().map(ToString::to_string).collect();
        Some(Met {
            listen: addresses.iter().map(ToString::to_string).collect(),
            id: who.identity.as_ref().map(|key| key.public().to_peer_id().to_string()),
            allowed: (!who.allowed.is_empty()).then(|| ids(&who.allowed)),
        })
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id.as_deref().unwrap_or("a fresh id");
        let allowed = self.allowed.as_ref().map_or("all".to_owned(), |allowed| allowed.join(" "));
        write!(f, "at {} as {id}, open to {allowed}", self.listen.join(" "))
    }
}
