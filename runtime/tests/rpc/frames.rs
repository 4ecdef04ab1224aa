//! Messages of the RPC protocol as bytes, so that a test can say what no library would.

use capnp::message::{Builder, HeapAllocator};
use capnp::traits::HasTypeId;
use capnp_rpc::rpc_capnp::{call, message};
use ww_schema::system_capnp::{host, i_p_f_s};

/// One message.
pub fn frame(fill: impl FnOnce(message::Builder<'_>)) -> Vec<u8> {
    let mut message = Builder::<HeapAllocator>::new_default();
    fill(message.init_root());
    let mut bytes = Vec::new();
    capnp::serialize::write_message(&mut bytes, &message).expect("a vector takes all");
    bytes
}

/// Asks for the bootstrap capability.
pub fn bootstrap(question: u32) -> Vec<u8> {
    frame(|message| message.init_bootstrap().set_question_id(question))
}

/// Lets go of an answer.
pub fn finish(question: u32) -> Vec<u8> {
    frame(|message| {
        let mut finish = message.init_finish();
        finish.set_question_id(question);
        finish.set_release_result_caps(true);
    })
}

/// `Host.ipfs` on the answer to `bootstrap`.
pub fn ipfs(question: u32, bootstrap: u32) -> Vec<u8> {
    frame(|message| {
        let mut call = message.init_call();
        call.set_question_id(question);
        call.set_interface_id(host::Client::TYPE_ID);
        call.reborrow().init_target().init_promised_answer().set_question_id(bootstrap);
        call.init_params().init_content().init_as::<host::ipfs_params::Builder<'_>>();
    })
}

/// `IPFS.cat` on the answer to `ipfs`.
pub fn cat(question: u32, ipfs: u32, path: &str, shape: impl FnOnce(call::Builder<'_>)) -> Vec<u8> {
    frame(|message| {
        let mut call = message.init_call();
        call.set_question_id(question);
        call.set_interface_id(i_p_f_s::Client::TYPE_ID);
        call.set_method_id(1);
        let mut target = call.reborrow().init_target().init_promised_answer();
        target.set_question_id(ipfs);
        target.init_transform(1).get(0).set_get_pointer_field(0);
        let content = call.reborrow().init_params().init_content();
        content.init_as::<i_p_f_s::cat_params::Builder<'_>>().set_cid(path);
        shape(call);
    })
}

/// `IPFS.add` on the answer to `ipfs`.
pub fn add(question: u32, ipfs: u32, data: &[u8]) -> Vec<u8> {
    frame(|message| {
        let mut call = message.init_call();
        call.set_question_id(question);
        call.set_interface_id(i_p_f_s::Client::TYPE_ID);
        let mut target = call.reborrow().init_target().init_promised_answer();
        target.set_question_id(ipfs);
        target.init_transform(1).get(0).set_get_pointer_field(0);
        call.init_params().init_content().init_as::<i_p_f_s::add_params::Builder<'_>>().set_data(data);
    })
}

/// Both, so that question 1 is `IPFS`.
pub fn opening() -> Vec<u8> {
    [bootstrap(0), ipfs(1, 0)].concat()
}

/// An exception as the answer to a question.
pub fn refuse(question: u32, reason: &str) -> Vec<u8> {
    frame(|message| {
        let mut answer = message.init_return();
        answer.set_answer_id(question);
        answer.init_exception().set_reason(reason);
    })
}
