//! What capnp-rpc doesn't look at: refuses messages that would cost more memory than they have bytes.
//!
//! - What it does: bounds capabilities, steps and the size of what has no payload, before capnp-rpc builds
//!   an object for each.
//! - What must stay true: nothing that a cell needs for the contract of `system.capnp` is refused.
//! - Serves: rulings 13, 20.

use capnp::Error;
use capnp_rpc::rpc_capnp::cap_descriptor::ReceiverAnswer;
use capnp_rpc::rpc_capnp::{cap_descriptor, message, message_target, payload, promised_answer, return_};

use super::incoming::Incoming;
use crate::serve::limits::closed;

/// The largest message that is neither a call nor a return, in bytes: it has no payload.
const BARE_MESSAGE: usize = 64 << 10;
/// Capabilities in one message, and steps of one path into a promised answer: the contract needs one of each.
const CAPABILITIES: u32 = 64;
const STEPS: u32 = 16;

/// What a message does to the tables of questions.
pub(super) enum Kind {
    Calls(u32),
    Bootstraps(u32),
    Answers(u32),
    Other,
}

/// Refuses a message that isn't fit for capnp-rpc, and says of others what they do.
pub(super) fn inspect(message: &Incoming) -> Result<Kind, Error> {
    let bytes = message.bytes();
    let message = message.root()?;
    Ok(match message.which() {
        Ok(message::Call(call)) => {
            let call = call?;
            if let message_target::PromisedAnswer(answer) = call.get_target()?.which()? {
                few_steps(answer?)?;
            }
            few_capabilities(call.get_params()?)?;
            Kind::Calls(call.get_question_id())
        }
        Ok(message::Return(answer)) => {
            let answer = answer?;
            if let return_::Results(results) = answer.which()? {
                few_capabilities(results?)?;
            }
            Kind::Answers(answer.get_answer_id())
        }
        _ if bytes > BARE_MESSAGE => return Err(closed("a message without a payload is too large")),
        Ok(message::Bootstrap(bootstrap)) => Kind::Bootstraps(bootstrap?.get_question_id()),
        _ => Kind::Other,
    })
}

/// The capabilities that come with a call, as their sender numbers them.
pub(super) fn received(message: &Incoming) -> Result<Vec<u32>, Error> {
    let mut ids = Vec::new();
    if let message::Call(call) = message.root()?.which()? {
        for descriptor in call?.get_params()?.get_cap_table()? {
            if let Ok(cap_descriptor::SenderHosted(id) | cap_descriptor::SenderPromise(id)) = descriptor.which() {
                ids.push(id);
            }
        }
    }
    Ok(ids)
}

/// The exception that an answer is, if it is one.
pub(super) fn first_refusal(message: &Incoming) -> Result<Option<String>, Error> {
    if let message::Return(answer) = message.root()?.which()?
        && let return_::Exception(exception) = answer?.which()?
    {
        let said = exception?.get_reason()?.to_str().unwrap_or("an exception that isn't UTF-8");
        return Ok(Some(said.chars().take(200).collect()));
    }
    Ok(None)
}

fn few_capabilities(payload: payload::Reader<'_>) -> Result<(), Error> {
    let table = payload.get_cap_table()?;
    if table.len() > CAPABILITIES {
        return Err(closed("too many capabilities in one message"));
    }
    for descriptor in table {
        if let Ok(ReceiverAnswer(answer)) = descriptor.which() {
            few_steps(answer?)?;
        }
    }
    Ok(())
}

fn few_steps(answer: promised_answer::Reader<'_>) -> Result<(), Error> {
    match answer.get_transform()?.len() {
        0..=STEPS => Ok(()),
        _ => Err(closed("too many steps into an answer")),
    }
}
