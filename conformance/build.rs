//! Has the suite's programs lie at a fixed address in a build for tests: each case is a process of its own, and begins without the
//! 140,000 relocations that a program of this size has there.

use std::env::var;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Else the linker is told what doesn't go with it; and what is shipped is as the system's programs are.
    let is = |name: &str, value: &str| var(name).is_ok_and(|it| it == value);
    let is_static =
        var("CARGO_CFG_TARGET_FEATURE").is_ok_and(|features| features.split(',').any(|it| it == "crt-static"));
    if is("PROFILE", "debug") && is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") && !is_static {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
