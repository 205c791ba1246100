//! Names as parts of other names.

/// A design's name as a part of a test's name: letters and digits in lower case, joined by `_`.
pub(crate) fn slug(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("_")
}
