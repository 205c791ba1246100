//! Small validators for the published schemas in `tests/schemas`: as much of JSON Schema (draft 4) and of XML Schema as
//! those two use. A keyword that they do not know is a failure, so that nothing goes unchecked in silence.

use roxmltree::{Document, Node};
use serde_json::Value;
use std::collections::BTreeMap;

const SARIF: &str = include_str!("../../tests/schemas/sarif-schema-2.1.0.json");
const JUNIT: &str = include_str!("../../tests/schemas/JUnit.xsd");

/// # Panics
/// If the text is no SARIF log.
#[track_caller]
pub(super) fn assert_sarif(text: &str) {
    let document: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(json_faults(&document), Vec::<String>::new());
}

/// # Panics
/// If the text is no JUnit report.
#[track_caller]
pub(super) fn assert_junit(text: &str) {
    assert_eq!(xml_faults(text), Vec::<String>::new());
}

fn json_faults(document: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SARIF).expect("the schema is JSON");
    let mut faults = Vec::new();
    JsonSchema { root: &schema }.check(&schema, document, "", &mut faults);
    faults
}

struct JsonSchema<'a> {
    root: &'a Value,
}

impl JsonSchema<'_> {
    fn check(&self, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
        for (keyword, rule) in schema.as_object().expect("a schema is an object") {
            if let Some(fault) = self.keyword(schema, keyword, rule, value, place, faults) {
                faults.push(format!("{place}: {fault}"));
            }
        }
    }

    fn fits(&self, schema: &Value, value: &Value) -> bool {
        let mut faults = Vec::new();
        self.check(schema, value, "", &mut faults);
        faults.is_empty()
    }

    /// What is wrong by one keyword; faults within are added.
    fn keyword(
        &self,
        schema: &Value,
        keyword: &str,
        rule: &Value,
        value: &Value,
        place: &str,
        faults: &mut Vec<String>,
    ) -> Option<String> {
        let number = |value: &Value| value.as_f64();
        match keyword {
            "$schema" | "id" | "title" | "description" | "default" | "definitions" => None,
            "$ref" => {
                let path = rule.as_str().and_then(|path| path.strip_prefix('#')).expect("a reference within");
                self.check(self.root.pointer(path).expect("what is referred to"), value, place, faults);
                None
            }
            "type" => {
                let is = |name: &Value| is_of_type(value, name.as_str().expect("a name"));
                let fits = rule.as_array().map_or_else(|| is(rule), |names| names.iter().any(is));
                (!fits).then(|| format!("{value} is not of type {rule}"))
            }
            "enum" => (!rule.as_array()?.contains(value)).then(|| format!("{value} is none of {rule}")),
            "required" => {
                let object = value.as_object()?;
                let missing = rule
                    .as_array()?
                    .iter()
                    .filter_map(Value::as_str)
                    .find(|name| !object.contains_key(*name));
                missing.map(|name| format!("`{name}` is missing"))
            }
            "properties" => {
                for (name, value) in value.as_object()? {
                    if let Some(schema) = rule.get(name) {
                        self.check(schema, value, &format!("{place}/{name}"), faults);
                    }
                }
                None
            }
            "additionalProperties" => self.additional(schema, rule, value, place, faults),
            "items" => {
                for (index, value) in value.as_array()?.iter().enumerate() {
                    self.check(rule, value, &format!("{place}/{index}"), faults);
                }
                None
            }
            "minItems" => {
                let too_few = (value.as_array()?.len() as u64) < rule.as_u64()?;
                too_few.then(|| "too few items".to_owned())
            }
            "uniqueItems" => {
                let all = value.as_array()?;
                let twice = all.iter().enumerate().any(|(index, one)| all[..index].contains(one));
                (rule == &Value::Bool(true) && twice).then(|| "an item is there twice".to_owned())
            }
            "minimum" => (number(value)? < number(rule)?).then(|| format!("{value} is below {rule}")),
            "maximum" => (number(value)? > number(rule)?).then(|| format!("{value} is above {rule}")),
            "anyOf" => (!rule.as_array()?.iter().any(|one| self.fits(one, value)))
                .then(|| "fits none of `anyOf`".to_owned()),
            "oneOf" => {
                let fitting = rule.as_array()?.iter().filter(|one| self.fits(one, value)).count();
                (fitting != 1).then(|| format!("fits {fitting} of `oneOf`"))
            }
            "format" => format_fault(rule.as_str()?, value.as_str()?),
            "pattern" => pattern_fault(rule.as_str()?, value.as_str()?),
            unknown => panic!("the validator does not know `{unknown}`"),
        }
    }

    fn additional(
        &self,
        schema: &Value,
        rule: &Value,
        value: &Value,
        place: &str,
        faults: &mut Vec<String>,
    ) -> Option<String> {
        for (name, value) in value.as_object()? {
            if schema.get("properties").is_some_and(|known| known.get(name).is_some()) {
                continue;
            }
            match rule {
                Value::Bool(false) => return Some(format!("`{name}` is not allowed")),
                Value::Bool(true) => {}
                rule => self.check(rule, value, &format!("{place}/{name}"), faults),
            }
        }
        None
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        unknown => panic!("the validator does not know the type `{unknown}`"),
    }
}

fn format_fault(format: &str, text: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&byte);
    let fits = match format {
        "uri" => text.split_once(':').is_some() && text.bytes().all(allowed),
        "uri-reference" => text.bytes().all(allowed),
        unknown => panic!("the validator does not know the format `{unknown}`: {text}"),
    };
    (!fits).then(|| format!("{text:?} is no {format}"))
}

/// The patterns that our documents come to, read by hand: there is no engine for regular expressions here.
fn pattern_fault(pattern: &str, text: &str) -> Option<String> {
    let numbers = |text: &str| {
        let parts: Vec<&str> = text.split('.').collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
    };
    match pattern {
        "[0-9]+(\\.[0-9]+){3}" => None,
        pattern if pattern.starts_with("^[0-9]") || pattern.contains("0|[1-9]") => {
            (!numbers(text)).then(|| format!("{text:?} is no version"))
        }
        unknown => panic!("the validator does not know the pattern `{unknown}`: {text}"),
    }
}

const XS: &str = "http://www.w3.org/2001/XMLSchema";

fn xml_faults(text: &str) -> Vec<String> {
    let (schema, document) =
        (Document::parse(JUNIT).expect("the schema is XML"), Document::parse(text).expect("XML"));
    let top = named_children(schema.root_element(), "element");
    let types = ["complexType", "simpleType"]
        .into_iter()
        .flat_map(|kind| named_children(schema.root_element(), kind));
    let name = |node: Node<'_, '_>| node.attribute("name").expect("a name").to_owned();
    let mut check = XmlSchema { types: types.map(|node| (name(node), node)).collect(), faults: Vec::new() };
    let root = document.root_element();
    match top.into_iter().find(|element| element.attribute("name") == Some(root.tag_name().name())) {
        Some(element) => check.element(element, root),
        None => check.faults.push(format!("no root may be `{}`", root.tag_name().name())),
    }
    check.faults
}

fn named_children<'a, 'b>(node: Node<'a, 'b>, name: &str) -> Vec<Node<'a, 'b>> {
    node.children().filter(|child| child.has_tag_name((XS, name))).collect()
}

fn child<'a, 'b>(node: Node<'a, 'b>, name: &str) -> Option<Node<'a, 'b>> {
    named_children(node, name).into_iter().next()
}

struct XmlSchema<'a, 'b> {
    types: BTreeMap<String, Node<'a, 'b>>,
    faults: Vec<String>,
}

impl<'a, 'b> XmlSchema<'a, 'b> {
    fn fault(&mut self, node: Node<'_, '_>, what: &str) {
        self.faults.push(format!("<{}>: {what}", node.tag_name().name()));
    }

    fn element(&mut self, declared: Node<'a, 'b>, node: Node<'_, '_>) {
        if let Some(name) = declared.attribute("type") {
            let complex = self.types[name];
            return self.complex(complex, node, &[]);
        }
        match (child(declared, "complexType"), child(declared, "simpleType")) {
            (Some(complex), _) => self.complex(complex, node, &[]),
            (_, Some(simple)) => {
                self.attributes(&[], node);
                self.text(simple, node);
            }
            _ => panic!("an element without a type"),
        }
    }

    /// `further` are attributes of a type that extends this one.
    fn complex(&mut self, complex: Node<'a, 'b>, node: Node<'_, '_>, further: &[Node<'a, 'b>]) {
        let extension = ["complexContent", "simpleContent"].into_iter().find_map(|kind| child(complex, kind));
        if let Some(extension) = extension.and_then(|content| child(content, "extension")) {
            let base = self.types[extension.attribute("base").expect("a base")];
            let attributes = named_children(extension, "attribute");
            if base.has_tag_name((XS, "complexType")) {
                return self.complex(base, node, &attributes);
            }
            self.attributes(&attributes, node);
            return self.text(base, node);
        }
        let mut attributes = named_children(complex, "attribute");
        attributes.extend(further);
        self.attributes(&attributes, node);
        let children: Vec<Node<'_, '_>> = node.children().filter(Node::is_element).collect();
        let words = node.children().filter(Node::is_text).filter_map(|text| text.text());
        if words.into_iter().any(|text| !text.trim().is_empty()) {
            self.fault(node, "text is not allowed here");
        }
        match (child(complex, "sequence"), child(complex, "choice")) {
            (Some(sequence), _) => self.sequence(sequence, node, &children),
            (_, Some(choice)) => self.choice(choice, node, &children),
            _ if !children.is_empty() => self.fault(node, "no element is allowed here"),
            _ => {}
        }
    }

    fn sequence(&mut self, sequence: Node<'a, 'b>, node: Node<'_, '_>, children: &[Node<'_, '_>]) {
        let mut rest = children;
        for declared in named_children(sequence, "element") {
            let name = declared.attribute("name").expect("a name");
            let least: usize =
                declared.attribute("minOccurs").map_or(1, |number| number.parse().expect("a number"));
            let most =
                declared.attribute("maxOccurs").map_or(1, |number| number.parse().unwrap_or(usize::MAX));
            let count = rest.iter().take_while(|child| child.tag_name().name() == name).count();
            if count < least || count > most {
                self.fault(node, &format!("{count} times <{name}>"));
            }
            rest[..count].iter().for_each(|child| self.element(declared, *child));
            rest = &rest[count..];
        }
        if let Some(child) = rest.first() {
            self.fault(node, &format!("<{}> is not allowed here", child.tag_name().name()));
        }
    }

    fn choice(&mut self, choice: Node<'a, 'b>, node: Node<'_, '_>, children: &[Node<'_, '_>]) {
        let [only] = children else {
            if !children.is_empty() || choice.attribute("minOccurs") != Some("0") {
                self.fault(node, "one element was expected");
            }
            return;
        };
        let name = only.tag_name().name();
        let declared =
            named_children(choice, "element").into_iter().find(|one| one.attribute("name") == Some(name));
        match declared {
            Some(declared) => self.element(declared, *only),
            None => self.fault(node, &format!("<{name}> is not allowed here")),
        }
    }

    fn attributes(&mut self, declared: &[Node<'a, 'b>], node: Node<'_, '_>) {
        for attribute in node.attributes() {
            let known = declared.iter().find(|one| one.attribute("name") == Some(attribute.name()));
            let fault = match known {
                None => Some("is not allowed".to_owned()),
                Some(known) => match known.attribute("type") {
                    Some(name) => self.simple_fault(name, attribute.value()),
                    None => self
                        .restriction_fault(child(*known, "simpleType").expect("a type"), attribute.value()),
                },
            };
            if let Some(fault) = fault {
                self.fault(node, &format!("attribute {} {fault}", attribute.name()));
            }
        }
        for required in declared.iter().filter(|one| one.attribute("use") == Some("required")) {
            let name = required.attribute("name").expect("a name");
            if node.attribute(name).is_none() {
                self.fault(node, &format!("attribute {name} is missing"));
            }
        }
    }

    fn text(&mut self, simple: Node<'a, 'b>, node: Node<'_, '_>) {
        if node.children().any(|child| child.is_element()) {
            self.fault(node, "text alone was expected");
        }
        if let Some(fault) = self.restriction_fault(simple, node.text().unwrap_or_default()) {
            self.fault(node, &fault);
        }
    }

    fn restriction_fault(&self, simple: Node<'a, 'b>, text: &str) -> Option<String> {
        let restriction = child(simple, "restriction").expect("a restriction");
        let base = restriction.attribute("base").expect("a base");
        for facet in restriction.children().filter(Node::is_element) {
            match (facet.tag_name().name(), facet.attribute("value").unwrap_or_default()) {
                ("whiteSpace", "preserve") => {}
                ("minLength", least) if text.chars().count() < least.parse().expect("a number") => {
                    return Some(format!("{text:?} is too short"));
                }
                ("minLength", _) => {}
                ("pattern", "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}") => {
                    let shape: String =
                        text.chars().map(|one| if one.is_ascii_digit() { '0' } else { one }).collect();
                    if shape != "0000-00-00T00:00:00" {
                        return Some(format!("{text:?} is no moment"));
                    }
                }
                (unknown, value) => panic!("the validator does not know `{unknown}` {value}"),
            }
        }
        self.simple_fault(base, text)
    }

    fn simple_fault(&self, name: &str, text: &str) -> Option<String> {
        let is_token = || text.split_whitespace().collect::<Vec<_>>().join(" ") == text;
        let is_decimal =
            || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let fits = match name {
            "xs:string" | "xs:dateTime" => true,
            "xs:token" => is_token(),
            "xs:int" => text.parse::<i32>().is_ok(),
            "xs:decimal" => is_decimal() && text.parse::<f64>().is_ok(),
            own => return self.restriction_fault(*self.types.get(own).expect("a type"), text),
        };
        (!fits).then(|| format!("{text:?} is no {name}"))
    }
}

#[test]
fn the_validators_find_faults() {
    let check = |text: &str, fault: &str| {
        let document: Value = serde_json::from_str(text).expect("JSON");
        let faults = json_faults(&document);
        assert!(faults.iter().any(|one| one.contains(fault)), "`{fault}` is not in {faults:?}");
    };
    check("{}", "`version` is missing");
    check(r#"{"version": "2.0.0", "runs": []}"#, "is none of");
    check(r#"{"version": "2.1.0", "runs": [{}]}"#, "/runs/0: `tool` is missing");
    check(r#"{"version": "2.1.0", "runs": [], "colour": 1}"#, "`colour` is not allowed");
    check(r#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": 7}}}]}"#, "7 is not of type");
    let check = |text: &str, fault: &str| {
        let faults = xml_faults(text);
        assert!(faults.iter().any(|one| one.contains(fault)), "`{fault}` is not in {faults:?}");
    };
    check("<tests/>", "no root may be");
    check("<testsuites><testcase/></testsuites>", "<testcase> is not allowed here");
    check("<testsuites><testsuite/></testsuites>", "attribute hostname is missing");
    check("<testsuites><testsuite tests=\"x\"/></testsuites>", "\"x\" is no xs:int");
    check("<testsuites><testsuite/></testsuites>", "0 times <properties>");
}
