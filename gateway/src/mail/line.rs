//! Text that has to stay on its line.

/// What users may choose cannot look like more of a letter, nor like another header.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_no_end_in_it() {
        assert_eq!(one_line("a\r\nBcc: b\u{2028}c\u{85}d\te"), "a  Bcc: b c d e");
    }
}
