//! How the process of a case asks the runner for a node.
//!
//! What must stay true: one node of a kind serves all cases, whichever process they run in.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::endpoint::Address;
use super::{Kind, NodeError};
use crate::launch::Channel;
use crate::runner::{FromCase, ToCase};

/// Which node: one of this kind, or any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ask(pub(crate) Option<Kind>);

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) kind: Kind,
    pub(crate) address: Address,
}

impl Ask {
    pub(crate) fn over(self, channel: &Mutex<Channel>) -> Result<Answer, NodeError> {
        let channel = channel.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = |why: String| NodeError::Broken { kind: self.0.unwrap_or(Kind::Binary), why };
        channel.send(&FromCase::Node(self), &[]).map_err(|fault| lost(fault.to_string()))?;
        match channel.receive::<ToCase>().map_err(|fault| lost(fault.to_string()))? {
            Some((ToCase::Node(answer), _)) => answer,
            _ => Err(lost("the runner doesn't answer".into())),
        }
    }
}
