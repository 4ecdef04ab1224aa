//! What capnp-rpc doesn't look at: refuses messages that would cost more memory than they have bytes.
//!
//! - What it does: bounds capabilities, steps and the size of what has no payload, before capnp-rpc builds
//!   an object for each.
//! - What must stay true: nothing that a cell needs for the contract of `system.capnp` is refused.
//! - Serves: rulings 13, 20.

use capnp::Error;
use capnp_rpc::rpc_capnp::cap_descriptor::ReceiverAnswer;
use capnp_rpc::rpc_capnp::{call, message, message_target, payload, promised_answer, return_};

use super::message::Incoming;

/// The largest message that is neither a call nor a return, in bytes: it has no payload.
const BARE_MESSAGE: usize = 64 << 10;
/// Capabilities in one message, and steps of one path into a promised answer: the contract needs one of each.
const CAPABILITIES: u32 = 64;
const STEPS: u32 = 16;

/// What a message does to the tables of questions.
pub(super) enum Kind {
    Asks(u32),
    Answers(u32),
    Finishes(u32),
    Other,
}

/// Refuses a message that isn't fit for capnp-rpc, and says of others what they do.
pub(super) fn inspect(message: &Incoming) -> Result<Kind, Error> {
    let bytes = message.bytes();
    let message = message.root()?;
    Ok(match message.which() {
        Ok(message::Call(call)) => {
            let call = call?;
            // The host asks nothing of the cell that a call could be the answer to.
            if !matches!(call.get_send_results_to().which()?, call::send_results_to::Caller(())) {
                return Err(closed("results can be sent to the caller only"));
            }
            if let message_target::PromisedAnswer(answer) = call.get_target()?.which()? {
                few_steps(answer?)?;
            }
            few_capabilities(call.get_params()?)?;
            Kind::Asks(call.get_question_id())
        }
        Ok(message::Return(answer)) => {
            let answer = answer?;
            if let return_::Results(results) = answer.which()? {
                few_capabilities(results?)?;
            }
            Kind::Answers(answer.get_answer_id())
        }
        _ if bytes > BARE_MESSAGE => return Err(closed("a message without a payload is too large")),
        Ok(message::Bootstrap(bootstrap)) => Kind::Asks(bootstrap?.get_question_id()),
        Ok(message::Finish(finish)) => Kind::Finishes(finish?.get_question_id()),
        _ => Kind::Other,
    })
}

/// Why the connection ends, as the far end is told.
pub(super) fn closed(why: &str) -> Error {
    Error::failed(format!("the connection is closed: {why}"))
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
