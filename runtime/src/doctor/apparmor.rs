//! `ww doctor --apparmor`: the profile that lets this very program make user namespaces where AppArmor restricts
//! them (Ubuntu 23.10 and later).
//!
//! It confines nothing (`flags=(unconfined)`), as the profiles that Ubuntu ships for browsers do: it names a program
//! that may use user namespaces. AppArmor knows programs by their path.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::DoctorError;

/// The profile for the program that runs.
pub fn own_profile() -> Result<String, DoctorError> {
    std::env::current_exe().map(|path| profile(&path)).map_err(DoctorError::Place)
}

/// The profile for a program.
fn profile(program: &Path) -> String {
    let path = quoted(program);
    format!(
        "# Lets ww make user namespaces where AppArmor restricts them
# (kernel.apparmor_restrict_unprivileged_userns). To install it:
#
#   ww doctor --apparmor | sudo tee /etc/apparmor.d/ww
#   sudo apparmor_parser --replace /etc/apparmor.d/ww
#
# It holds for the program at this path: nobody else should be able to write there.
abi <abi/4.0>,
include <tunables/global>

profile ww {path} flags=(unconfined) {{
  userns,

  include if exists <local/ww>
}}
"
    )
}

/// A path in AppArmor's syntax: what has a meaning in its patterns is escaped (apparmor.d(5), Globbing).
fn quoted(path: &Path) -> String {
    let mut text = String::from("\"");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'"' | b'\\' | b'*' | b'?' | b'[' | b']' | b'{' | b'}' | b'^' | b'@' => text.extend(['\\', *byte as char]),
            b' '..=b'~' => text.push(*byte as char),
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jail_47_the_profile_names_the_program_and_grants_user_namespaces() {
        let text = profile(Path::new("/opt/my tools/ww"));
        assert!(text.contains("\nprofile ww \"/opt/my tools/ww\" flags=(unconfined) {\n  userns,\n"), "{text}");
        assert!(text.contains("abi <abi/4.0>,") && text.contains("include if exists <local/ww>"));
    }

    #[test]
    fn jail_47_a_path_is_no_pattern() {
        assert_eq!(quoted(Path::new("/a*{b}/\n\"")), "\"/a\\*\\{b\\}/\\012\\\"\"");
    }
}
