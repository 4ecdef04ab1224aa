//! Has the suite's programs lie at a fixed address: each case is a process of its own, and begins without the 140,000
//! relocations that a program of this size has in a build for tests.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-no-pie");
}
