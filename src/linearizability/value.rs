//! Values of a log: arguments, results and keys, whatever their type.

use std::fmt;

/// A value of a log.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Nothing: `null`, `nil`, or a value that is not there.
    #[default]
    Nil,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text; in EDN also a keyword, without its colon, and a number that is not whole.
    Text(String),
    /// A list, a vector, or the elements of a set in order.
    List(Vec<Value>),
    /// A map, by its keys in order.
    Map(Vec<(Value, Value)>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nil => f.write_str("nil"),
            Value::Bool(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::List(values) => {
                f.write_str("[")?;
                for (index, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if index == 0 { "" } else { " " })?;
                }
                f.write_str("]")
            }
            Value::Map(entries) => {
                f.write_str("{")?;
                for (index, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key}: {value}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str("}")
            }
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Value {
    /// The elements of a list.
    pub(super) fn list(&self) -> Option<&[Value]> {
        if let Value::List(values) = self { Some(values) } else { None }
    }

    pub(super) fn int(&self) -> Option<i64> {
        if let Value::Int(value) = self { Some(*value) } else { None }
    }

    pub(super) fn text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// What a map holds under a text.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        let Value::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// A map with its entries in order.
    pub(super) fn map(mut entries: Vec<(Value, Value)>) -> Value {
        entries.sort();
        Value::Map(entries)
    }

    /// From JSON. A number that is not a whole one of 64 bits is kept as its text, and a key of an object that is a
    /// whole number, which JSON can only write as text, as the number.
    pub(super) fn from_json(json: serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Nil,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(number) => {
                number.as_i64().map_or_else(|| Value::Text(number.to_string()), Value::Int)
            }
            serde_json::Value::String(text) => Value::Text(text),
            serde_json::Value::Array(values) => {
                Value::List(values.into_iter().map(Value::from_json).collect())
            }
            serde_json::Value::Object(entries) => {
                let number = |key: &str| key.parse::<i64>().ok().filter(|number| number.to_string() == key);
                let entry = |(key, value): (String, _)| {
                    (number(&key).map_or(Value::Text(key), Value::Int), Value::from_json(value))
                };
                Value::map(entries.into_iter().map(entry).collect())
            }
        }
    }
}

impl std::str::FromStr for Value {
    type Err = serde_json::Error;

    /// From JSON.
    fn from_str(json: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(json).map(Value::from_json)
    }
}
