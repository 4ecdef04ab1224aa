//! Faults of endpoints: which one is asked, and in which forms it may be written.

use std::os::unix::process::CommandExt;
use std::process::ExitCode;

use super::{Call, Fault, says};

pub const FAULTS: &[Fault] = &[
    Fault::new("ipfs-flag-wins", "EP-03 EP-05", "lets --ipfs beat WW_IPFS", |call| {
        let flag = call.flags.iter().any(|(flag, _)| flag == "--ipfs");
        let mut real = call.real();
        if flag {
            real.env_remove("WW_IPFS");
        }
        says(&format!("ww-faulty: {}", real.exec()), 99)
    }),
    Fault::new("ipfs-empty-counts", "EP-04", "takes an empty WW_IPFS for an endpoint", |call| match std::env::var_os(
        "WW_IPFS",
    )
    .is_some_and(|value| value.is_empty())
    {
        true => says("ww: WW_IPFS: : no endpoint", 2),
        false => call.become_real(),
    }),
    Fault::new("ipfs-warning-missing", "EP-05", "says nothing where WW_IPFS beats --ipfs", |mut call| {
        if std::env::var_os("WW_IPFS").is_some_and(|value| !value.is_empty()) {
            call.flags.retain(|(flag, _)| flag != "--ipfs");
        }
        call.become_real()
    }),
    Fault::new("ipfs-flag-ignored", "EP-01", "takes no notice of --ipfs", |mut call| {
        call.flags.retain(|(flag, _)| flag != "--ipfs");
        call.become_real()
    }),
    Fault::new("ipfs-default-other", "EP-02", "asks port 5002 by default", |mut call| {
        if !call.flags.iter().any(|(flag, _)| flag == "--ipfs") {
            call.flags.push(("--ipfs".into(), Some("/ip4/127.0.0.1/tcp/5002".into())));
        }
        call.become_real()
    }),
    Fault::new("ipfs-names-refused", "EP-06", "takes no names in endpoints", |call| {
        refuses(call, |it| it.starts_with("/dns"))
    }),
    Fault::new("ipfs-unix-refused", "EP-08", "takes no sockets for endpoints", |call| {
        refuses(call, |it| it.starts_with("/unix"))
    }),
    Fault::new("ipfs-urls-refused", "EP-09", "takes no URLs for endpoints", |call| {
        refuses(call, |it| it.starts_with("http"))
    }),
    Fault::new("ipfs-tls-left-out", "EP-07", "dials without TLS", |mut call| {
        call.change("--ipfs", |value| {
            let text = value.to_string_lossy().replace("/tls/http", "/http");
            text.replace("/https", "/http").replace("https://", "http://").into()
        });
        call.become_real()
    }),
    Fault::new("ipfs-variable-ignored", "EP-03", "takes no notice of WW_IPFS", |call| {
        says(&format!("ww-faulty: {}", call.real().env_remove("WW_IPFS").exec()), 99)
    }),
    Fault::new("ipfs-http-is-port-80", "EP-06", "asks port 80 where the multiaddr ends in /http", |mut call| {
        call.change("--ipfs", |value| match value.to_string_lossy().split('/').collect::<Vec<_>>()[..] {
            ["", family, host, "tcp", _, "http"] => format!("/{family}/{host}/tcp/80/http").into(),
            _ => value.clone(),
        });
        call.become_real()
    }),
    Fault::new("ipfs-six-refused", "EP-06", "takes no /ip6", |call| refuses(call, |it| it.starts_with("/ip6"))),
    Fault::new("ipfs-tls-refused", "EP-07", "takes no /tls/http", |call| refuses(call, |it| it.ends_with("/tls/http"))),
    Fault::new("ipfs-url-with-slash-refused", "EP-09", "takes no slash after a URL", |call| {
        refuses(call, |it| it.starts_with("http") && it.ends_with('/'))
    }),
    Fault::new("ipfs-port-wrapped", "EP-10", "takes a port modulo 2^16", |mut call| {
        call.change("--ipfs", |value| value.to_string_lossy().replace("/tcp/70000", "/tcp/4464").into());
        call.become_real()
    }),
    Fault::new("ipfs-variable-unchecked", "EP-10", "looks at WW_IPFS only when it is needed", |call| {
        let local = call.rest.first().is_some_and(|path| !path.to_string_lossy().starts_with("/ip"));
        let mut real = call.real();
        if local {
            real.env_remove("WW_IPFS");
        }
        says(&format!("ww-faulty: {}", real.exec()), 99)
    }),
];

fn refuses(call: Call, which: fn(&str) -> bool) -> ExitCode {
    let refused = call.values("--ipfs").any(|value| which(&value.to_string_lossy()));
    match refused {
        true => says("ww: --ipfs: no endpoint", 2),
        false => call.become_real(),
    }
}
