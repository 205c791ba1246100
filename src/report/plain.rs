//! Texts of others (names, questions, messages, values) made fit for a terminal and for one line.

/// Characters of the longest name in a table.
pub(crate) const LONGEST_NAME: usize = 40;

/// The text without control characters, those from U+0080 to U+009F included: a terminal might obey them. Line ends and
/// tabs become spaces.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { space_or_mark(letter) } else { letter }).collect()
}

fn space_or_mark(letter: char) -> char {
    if letter.is_whitespace() { ' ' } else { '\u{fffd}' }
}

/// As [`plain`], of several lines.
pub(crate) fn plain_lines(text: &str) -> String {
    let marked =
        |letter: char| if letter.is_control() && letter != '\n' { space_or_mark(letter) } else { letter };
    text.chars().map(marked).collect()
}

/// A name in a table: plain, and cut where it is too long.
pub(crate) fn name(text: &str) -> String {
    let plain = plain(text);
    if plain.chars().count() <= LONGEST_NAME {
        return plain;
    }
    let mut cut: String = plain.chars().take(LONGEST_NAME - 1).collect();
    cut.push('…');
    cut
}

/// JSON in which the control characters that JSON leaves alone are written as escapes, too.
pub(crate) fn json(text: &str) -> String {
    if !text.chars().any(is_left_alone) {
        return text.to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_left_alone(letter) {
            escaped += &format!("\\u{:04x}", u32::from(letter));
        } else {
            escaped.push(letter);
        }
    }
    escaped
}

/// Outside of strings JSON has none of these.
fn is_left_alone(letter: char) -> bool {
    matches!(letter, '\u{7f}'..='\u{9f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let wild = "red \u{1b}[31m, \u{9b}2J,\r\nbell \u{7}\ttab";
        assert!(!plain(wild).chars().any(char::is_control));
        assert_eq!(plain("a\nb"), "a b");
        assert_eq!(plain_lines("a\nb\u{1b}"), "a\nb\u{fffd}");
        assert_eq!(plain("über … 線"), "über … 線");
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(name("short"), "short");
        assert_eq!(name(&"x".repeat(200)).chars().count(), LONGEST_NAME);
    }

    #[test]
    fn json_stays_the_same_value() {
        let text = serde_json::to_string("a\u{9b}b\u{7f}").expect("a string");
        let escaped = json(&text);
        assert!(!escaped.chars().any(char::is_control));
        assert_eq!(serde_json::from_str::<String>(&escaped).expect("still a string"), "a\u{9b}b\u{7f}");
    }
}
