//! Ready-made models, for logs and for anyone who needs a common one: register, compare-and-set register,
//! key-value pairs with append, registers with transactions, queue, stack, set, mutex, counter and bank.
//!
//! All of them have one type of operation, [`Call`], so that a log can be read before its model is known.
//! A call may name a key: then each key is an object of its own, checked apart from the others.
//!
//! Limit: they compare values and do not know their types; a number and its text differ.

use super::model::Model;
use super::value::Value;
use rustc_hash::FxHasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::hash::{Hash, Hasher};

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Returns the value.
    Read,
    /// Sets the value.
    Write,
    /// With `[expected, new]`: sets the value if it is the expected one, and returns whether it was.
    CompareAndSet,
    /// Adds text to text, or an element to a list; nothing counts as the empty text.
    Append,
    /// Micro-operations `["r", key, nil]`, `["w", key, value]` and `["append", key, element]`, done at once; returns
    /// them with what was read.
    Transaction,
    /// Adds a value at the end of a queue.
    Enqueue,
    /// Takes the first value of a queue; nothing if it is empty.
    Dequeue,
    /// Adds a value to a stack.
    Push,
    /// Takes the latest value of a stack; nothing if it is empty.
    Pop,
    /// Adds an element to a set, or a number to a counter.
    Add,
    /// Takes an element out of a set.
    Remove,
    /// Whether a set has an element.
    Contains,
    /// Takes a mutex that is free.
    Acquire,
    /// Gives a mutex back that is held.
    Release,
    /// With `{from, to, amount}`: moves an amount if the account has it, and returns whether it had.
    Transfer,
}

/// Every function with its name and the other names that logs have for it.
const NAMES: [(Function, &[&str]); 15] = [
    (Function::Read, &["read", "get", "r"]),
    (Function::Write, &["write", "put", "set", "w"]),
    (Function::CompareAndSet, &["cas", "compare-and-set", "compare_and_set"]),
    (Function::Append, &["append"]),
    (Function::Transaction, &["txn", "transaction"]),
    (Function::Enqueue, &["enqueue", "send", "offer"]),
    (Function::Dequeue, &["dequeue", "receive", "poll"]),
    (Function::Push, &["push"]),
    (Function::Pop, &["pop"]),
    (Function::Add, &["add", "increment", "inc"]),
    (Function::Remove, &["remove", "delete"]),
    (Function::Contains, &["contains", "member"]),
    (Function::Acquire, &["acquire", "lock"]),
    (Function::Release, &["release", "unlock"]),
    (Function::Transfer, &["transfer"]),
];

impl Function {
    /// By any of its names.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(function, _)| *function)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(function, _)| *function == self).map_or("", |(_, names)| names[0])
    }

    /// What a return of it means, whatever else the log says there: a write returns nothing, though many
    /// logs repeat what was written.
    pub(super) fn returned(self, value: Value) -> Value {
        match self {
            Function::CompareAndSet | Function::Transfer if value != Value::Bool(false) => Value::Bool(true),
            Function::Write
            | Function::Append
            | Function::Enqueue
            | Function::Push
            | Function::Add
            | Function::Remove
            | Function::Acquire
            | Function::Release => Value::Nil,
            _ => value,
        }
    }

    /// Whether it can never change anything.
    fn reads(self) -> bool {
        matches!(self, Function::Read | Function::Contains)
    }
}

/// A call of a ready-made model.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// What it does.
    pub function: Function,
    /// The object that it is about, if there are several.
    pub key: Option<Value>,
    /// Its argument.
    pub value: Value,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name())?;
        if let Some(key) = &self.key {
            write!(f, " {key}")?;
        }
        if self.value == Value::Nil { Ok(()) } else { write!(f, " {}", self.value) }
    }
}

/// A sequential object that calls by [`Call`].
pub trait Ready: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static {
    /// What it can be asked to do.
    const FUNCTIONS: &'static [Function];

    /// Made of an initial value; [`Value::Nil`] is what it starts with if nothing is said.
    ///
    /// # Errors
    /// If it cannot start with that: what it can start with.
    fn start(initial: Value) -> Result<Self, &'static str>;

    /// Why a call with this argument makes no sense, if it does not: what it must be.
    fn refuses(_call: &Call) -> Option<&'static str> {
        None
    }

    /// Does a call of one of its functions.
    fn apply(&mut self, call: &Call) -> Value;

    /// Whether it can be done now.
    fn ready(&self, _call: &Call) -> bool {
        true
    }
}

/// Objects of one model, one for each key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Keyed<R> {
    fresh: R,
    objects: BTreeMap<Option<Value>, R>,
}

impl<R: Ready> Keyed<R> {
    /// Objects that all start like this one.
    #[must_use]
    pub fn new(fresh: R) -> Self {
        Self { fresh, objects: BTreeMap::new() }
    }
}

impl<R: Ready> fmt::Debug for Keyed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.objects.len() {
            0 => write!(f, "{:?}", self.fresh),
            _ => {
                for (index, (key, object)) in self.objects.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    if let Some(key) = key {
                        write!(f, "{key}: ")?;
                    }
                    write!(f, "{object:?}")?;
                }
                Ok(())
            }
        }
    }
}

impl<R: Ready> Model for Keyed<R> {
    type Op = Call;
    type Ret = Value;

    fn apply(&mut self, call: &Call) -> Value {
        match self.objects.get_mut(&call.key) {
            Some(object) => object.apply(call),
            None => {
                let mut object = self.fresh.clone();
                let returned = object.apply(call);
                // What is as at the start is not held, so that equal states are equal.
                if object != self.fresh {
                    self.objects.insert(call.key.clone(), object);
                }
                returned
            }
        }
    }

    fn ready(&self, call: &Call) -> bool {
        self.objects.get(&call.key).unwrap_or(&self.fresh).ready(call)
    }

    fn part(call: &Call) -> Option<u64> {
        let key = call.key.as_ref()?;
        let mut hasher = FxHasher::default();
        key.hash(&mut hasher);
        Some(hasher.finish())
    }

    fn read_only(call: &Call, returned: &Value) -> bool {
        call.function.reads() || (call.function == Function::CompareAndSet && *returned == Value::Bool(false))
    }
}

macro_rules! shown {
    ($($type:ident => |$this:ident, $f:ident| $shown:expr;)*) => {
        $(impl fmt::Debug for $type {
            fn fmt(&self, $f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $this = self;
                $shown
            }
        })*
    };
}

shown! {
    Register => |this, f| write!(f, "{}", this.0);
    Pairs => |this, f| write!(f, "{}", this.0);
    Registers => |this, f| f.debug_map().entries(this.0.iter()).finish();
    Queue => |this, f| f.debug_list().entries(this.0.iter().map(ToString::to_string)).finish();
    Stack => |this, f| f.debug_list().entries(this.0.iter().map(ToString::to_string)).finish();
    Set => |this, f| f.debug_set().entries(this.0.iter().map(ToString::to_string)).finish();
    Mutex => |this, f| f.write_str(if this.0 { "held" } else { "free" });
    Counter => |this, f| write!(f, "{}", this.0);
    Bank => |this, f| f.debug_map().entries(this.0.iter()).finish();
}

/// A register: read, write and compare-and-set.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Register(pub Value);

impl Ready for Register {
    const FUNCTIONS: &'static [Function] = &[Function::Read, Function::Write, Function::CompareAndSet];

    fn start(initial: Value) -> Result<Self, &'static str> {
        Ok(Self(initial))
    }

    fn refuses(call: &Call) -> Option<&'static str> {
        let pair = call.value.list().is_some_and(|values| values.len() == 2);
        (call.function == Function::CompareAndSet && !pair).then_some("[expected, new]")
    }

    fn apply(&mut self, call: &Call) -> Value {
        match (call.function, call.value.list()) {
            (Function::Write, _) => {
                self.0 = call.value.clone();
                Value::Nil
            }
            (Function::CompareAndSet, Some([expected, new])) => {
                let holds = self.0 == *expected;
                if holds {
                    self.0 = new.clone();
                }
                Value::Bool(holds)
            }
            _ => self.0.clone(),
        }
    }
}

/// The value of one key: get, put, append, and compare-and-set. What was never put reads as the empty text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Pairs(pub Value);

impl Ready for Pairs {
    const FUNCTIONS: &'static [Function] =
        &[Function::Read, Function::Write, Function::Append, Function::CompareAndSet];

    fn start(initial: Value) -> Result<Self, &'static str> {
        Ok(Self(if initial == Value::Nil { Value::Text(String::new()) } else { initial }))
    }

    fn refuses(call: &Call) -> Option<&'static str> {
        if call.function == Function::Append && call.value.text().is_none() {
            return Some("text");
        }
        Register::refuses(call)
    }

    fn apply(&mut self, call: &Call) -> Value {
        if call.function != Function::Append {
            let mut register = Register(std::mem::take(&mut self.0));
            let returned = register.apply(call);
            self.0 = register.0;
            return returned;
        }
        match (&mut self.0, &call.value) {
            (Value::Text(text), Value::Text(more)) => text.push_str(more),
            (held, more) => *held = more.clone(),
        }
        Value::Nil
    }
}

/// Registers that transactions read and write several of at once.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Registers(pub BTreeMap<Value, Value>);

impl Ready for Registers {
    const FUNCTIONS: &'static [Function] = &[Function::Transaction];

    fn start(initial: Value) -> Result<Self, &'static str> {
        match initial {
            Value::Nil => Ok(Self(BTreeMap::new())),
            Value::Map(entries) => Ok(Self(entries.into_iter().collect())),
            _ => Err("a map from keys to values"),
        }
    }

    fn refuses(call: &Call) -> Option<&'static str> {
        let micro = |value: &Value| match value.list() {
            Some([Value::Text(kind), _, _]) => Micro::named(kind).is_some(),
            _ => false,
        };
        let fits = call.value.list().is_some_and(|values| values.iter().all(micro));
        (!fits).then_some(r#"a list of ["r", key, nil], ["w", key, value] and ["append", key, element]"#)
    }

    fn apply(&mut self, call: &Call) -> Value {
        let micro = |value: &Value| {
            let Some([Value::Text(kind), key, argument]) = value.list() else { return value.clone() };
            match Micro::named(kind) {
                Some(Micro::Read) => {
                    let read = self.0.get(key).cloned().unwrap_or_default();
                    return Value::List(vec![Value::Text(kind.clone()), key.clone(), read]);
                }
                Some(Micro::Write) => drop(self.0.insert(key.clone(), argument.clone())),
                Some(Micro::Append) => match self.0.entry(key.clone()).or_default() {
                    Value::List(elements) => elements.push(argument.clone()),
                    other => *other = Value::List(vec![argument.clone()]),
                },
                None => {}
            }
            value.clone()
        };
        Value::List(call.value.list().unwrap_or_default().iter().map(micro).collect())
    }
}

/// What a micro-operation of a transaction does.
enum Micro {
    Read,
    Write,
    Append,
}

impl Micro {
    fn named(name: &str) -> Option<Self> {
        match name {
            "r" | "read" => Some(Micro::Read),
            "w" | "write" => Some(Micro::Write),
            "append" => Some(Micro::Append),
            _ => None,
        }
    }
}

/// The elements of an initial list.
fn elements<C: FromIterator<Value>>(initial: Value) -> Result<C, &'static str> {
    match initial {
        Value::Nil => Ok(std::iter::empty().collect()),
        Value::List(values) => Ok(values.into_iter().collect()),
        _ => Err("a list"),
    }
}

/// First in, first out: enqueue, dequeue.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Queue(pub VecDeque<Value>);

impl Ready for Queue {
    const FUNCTIONS: &'static [Function] = &[Function::Enqueue, Function::Dequeue];

    fn start(initial: Value) -> Result<Self, &'static str> {
        elements(initial).map(Self)
    }

    fn apply(&mut self, call: &Call) -> Value {
        if call.function == Function::Enqueue {
            self.0.push_back(call.value.clone());
            return Value::Nil;
        }
        self.0.pop_front().unwrap_or_default()
    }
}

/// Last in, first out: push, pop.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Stack(pub Vec<Value>);

impl Ready for Stack {
    const FUNCTIONS: &'static [Function] = &[Function::Push, Function::Pop];

    fn start(initial: Value) -> Result<Self, &'static str> {
        elements(initial).map(Self)
    }

    fn apply(&mut self, call: &Call) -> Value {
        if call.function == Function::Push {
            self.0.push(call.value.clone());
            return Value::Nil;
        }
        self.0.pop().unwrap_or_default()
    }
}

/// A set: add, remove, contains, and read, which returns all elements in any order.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Set(pub BTreeSet<Value>);

impl Ready for Set {
    const FUNCTIONS: &'static [Function] =
        &[Function::Add, Function::Remove, Function::Contains, Function::Read];

    fn start(initial: Value) -> Result<Self, &'static str> {
        elements(initial).map(Self)
    }

    fn apply(&mut self, call: &Call) -> Value {
        match call.function {
            Function::Add => {
                self.0.insert(call.value.clone());
                Value::Nil
            }
            Function::Remove => {
                self.0.remove(&call.value);
                Value::Nil
            }
            Function::Contains => Value::Bool(self.0.contains(&call.value)),
            _ => Value::List(self.0.iter().cloned().collect()),
        }
    }
}

/// A mutex: acquire waits until it is free, and release is possible only while it is held.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Mutex(pub bool);

impl Ready for Mutex {
    const FUNCTIONS: &'static [Function] = &[Function::Acquire, Function::Release];

    fn start(initial: Value) -> Result<Self, &'static str> {
        match initial {
            Value::Nil => Ok(Self(false)),
            Value::Bool(held) => Ok(Self(held)),
            _ => Err("whether it is held"),
        }
    }

    fn apply(&mut self, call: &Call) -> Value {
        self.0 = call.function == Function::Acquire;
        Value::Nil
    }

    fn ready(&self, call: &Call) -> bool {
        self.0 == (call.function == Function::Release)
    }
}

/// A counter: add, which adds one if no number is given, and read. Wraps at 64 bits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Counter(pub i64);

impl Ready for Counter {
    const FUNCTIONS: &'static [Function] = &[Function::Add, Function::Read];

    fn start(initial: Value) -> Result<Self, &'static str> {
        match initial {
            Value::Nil => Ok(Self(0)),
            Value::Int(count) => Ok(Self(count)),
            _ => Err("a number"),
        }
    }

    fn refuses(call: &Call) -> Option<&'static str> {
        let fits = call.function == Function::Read || matches!(call.value, Value::Nil | Value::Int(_));
        (!fits).then_some("a number")
    }

    fn apply(&mut self, call: &Call) -> Value {
        if call.function == Function::Read {
            return Value::Int(self.0);
        }
        self.0 = self.0.wrapping_add(call.value.int().unwrap_or(1));
        Value::Nil
    }
}

/// Accounts with money: transfer, and read, which returns every balance as a map.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Bank(pub BTreeMap<Value, i64>);

impl Ready for Bank {
    const FUNCTIONS: &'static [Function] = &[Function::Transfer, Function::Read];

    fn start(initial: Value) -> Result<Self, &'static str> {
        const FITS: &str = "a map from accounts to balances";
        let Value::Map(entries) = initial else { return Err(FITS) };
        let balance = |(account, balance): (Value, Value)| balance.int().map(|balance| (account, balance));
        entries.into_iter().map(balance).collect::<Option<_>>().map(Self).ok_or(FITS)
    }

    fn refuses(call: &Call) -> Option<&'static str> {
        let amount = call.value.get("amount").and_then(Value::int);
        let fits = call.function == Function::Read
            || (amount.is_some_and(|amount| amount >= 0)
                && call.value.get("from").is_some()
                && call.value.get("to").is_some());
        (!fits).then_some("{from, to, amount}, with an amount of at least 0")
    }

    fn apply(&mut self, call: &Call) -> Value {
        if call.function == Function::Read {
            let balances = self.0.iter().map(|(account, balance)| (account.clone(), Value::Int(*balance)));
            return Value::map(balances.collect());
        }
        let part = |name| call.value.get(name).cloned().unwrap_or_default();
        let (from, to, amount) = (part("from"), part("to"), part("amount").int().unwrap_or(0));
        let held = self.0.get(&from).copied().unwrap_or(0);
        if held < amount {
            return Value::Bool(false);
        }
        self.0.insert(from, held - amount);
        *self.0.entry(to).or_default() += amount;
        Value::Bool(true)
    }
}
