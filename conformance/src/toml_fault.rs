//! What is wrong with a TOML file, in one line: errors are lines, and those of the parser are drawings.

use std::fmt;

/// Where, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomlFault {
    line: Option<usize>,
    what: String,
}

impl TomlFault {
    /// Of a text that was to be parsed.
    #[must_use]
    pub fn of(text: &str, fault: &toml::de::Error) -> Self {
        let line = fault.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
        let what = fault.message().split_whitespace().collect::<Vec<_>>().join(" ");
        Self { line, what }
    }
}

impl fmt::Display for TomlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl std::error::Error for TomlFault {}

#[cfg(test)]
mod tests {
    use super::TomlFault;

    #[test]
    fn a_fault_is_one_line_with_its_number() {
        for text in ["a = 1\nb = [1,\n", "a = 1\nb = \"x", "a = 1\n= 2", "a = 1\na = 2"] {
            let fault = toml::from_str::<toml::Table>(text).unwrap_err();
            let told = TomlFault::of(text, &fault).to_string();
            assert!(told.starts_with("line ") && !told.contains('\n'), "{told}");
        }
    }
}
