//! What threads compute, and the calls by which they access memory. Accesses within an expression become
//! statements before it, from left to right.

use super::ast::{Binary, Expr, Modify, Stmt, Unary};
use super::body::Scope;
use super::error::{Fault, Position};
use super::lexer::Word;
use super::parser::{Parser, is_type};
use std::sync::atomic::Ordering;

/// The operators from the weakest level to the strongest.
const LEVELS: [&[(&str, Binary)]; 8] = [
    &[("||", Binary::Or)],
    &[("&&", Binary::And)],
    &[("|", Binary::BitOr)],
    &[("^", Binary::BitXor)],
    &[("&", Binary::BitAnd)],
    &[("==", Binary::Equal), ("!=", Binary::Differ)],
    &[("<", Binary::Less), ("<=", Binary::AtMost), (">", Binary::Greater), (">=", Binary::AtLeast)],
    &[("+", Binary::Add), ("-", Binary::Sub)],
];

impl Parser<'_> {
    pub(super) fn expression(&mut self, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<Expr, Fault> {
        self.level(0, scope, out)
    }

    fn level(&mut self, level: usize, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<Expr, Fault> {
        let Some(operators) = LEVELS.get(level) else { return self.product(scope, out) };
        let mut left = self.level(level + 1, scope, out)?;
        'more: loop {
            for (sign, operator) in *operators {
                if self.accept(sign)? {
                    self.count_operator()?;
                    let mut accesses = Vec::new();
                    let right = self.level(level + 1, scope, &mut accesses)?;
                    left = join(*operator, left, right, accesses, scope, out);
                    continue 'more;
                }
            }
            return Ok(left);
        }
    }

    fn product(&mut self, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<Expr, Fault> {
        let mut left = self.unary(scope, out)?;
        while self.accept("*")? {
            self.count_operator()?;
            let mut accesses = Vec::new();
            let right = self.unary(scope, &mut accesses)?;
            left = join(Binary::Mul, left, right, accesses, scope, out);
        }
        Ok(left)
    }

    fn unary(&mut self, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<Expr, Fault> {
        for (sign, operator) in [("-", Unary::Minus), ("!", Unary::Not), ("~", Unary::Complement)] {
            if self.accept(sign)? {
                self.count_operator()?;
                return Ok(Expr::Unary(operator, Box::new(self.unary(scope, out)?)));
            }
        }
        if self.accept("*")? {
            let location = self.location(scope)?;
            self.locations[location].plain = true;
            let register = scope.unnamed();
            out.push(Stmt::Load { register, location, order: None });
            return Ok(Expr::Register(register));
        }
        self.primary(scope, out)
    }

    fn primary(&mut self, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<Expr, Fault> {
        match self.take()? {
            (_, Word::Number(number)) => Ok(Expr::Const(number)),
            (_, Word::Sign("(")) => {
                if let (at, Word::Name(name)) = self.peek()?
                    && is_type(name)
                {
                    return Err(Fault::new(*at, "casts are not supported: all values have 64 bits"));
                }
                self.count_operator()?;
                let inner = self.expression(scope, out)?;
                self.expect(")")?;
                Ok(inner)
            }
            (_, Word::Name(name)) if name == "true" || name == "false" => {
                Ok(Expr::Const(i64::from(name == "true")))
            }
            (at, Word::Name(name)) => {
                if matches!(self.peek()?, (_, Word::Sign("("))) {
                    let value = self.call(at, &name, scope, out)?;
                    return value.ok_or_else(|| Fault::new(at, format!("`{name}` gives no value")));
                }
                scope.register(&name).map(Expr::Register).ok_or_else(|| {
                    let location = self.locations.iter().any(|location| location.name == name);
                    let hint = if location { ", but a location: `*` is missing" } else { "" };
                    Fault::new(at, format!("`{name}` is no local variable of P{}{hint}", scope.thread))
                })
            }
            (at, word) => Err(Fault::new(at, format!("expected a value, but found {word}"))),
        }
    }

    /// One of the thread's parameters.
    pub(super) fn location(&mut self, scope: &Scope) -> Result<usize, Fault> {
        let parentheses = self.accept("(")?;
        let (at, name) = self.name("a location")?;
        if parentheses {
            self.expect(")")?;
        }
        self.parameter(at, &name, scope)
    }

    fn parameter(&self, at: Position, name: &str, scope: &Scope) -> Result<usize, Fault> {
        let known = self.locations.iter().position(|location| location.name == *name);
        known
            .filter(|location| scope.parameters.contains(location))
            .ok_or_else(|| Fault::new(at, format!("P{} has no parameter `{name}`", scope.thread)))
    }

    /// A call whose name was just read: its value, if it gives one.
    pub(super) fn call(
        &mut self,
        at: Position,
        name: &str,
        scope: &mut Scope,
        out: &mut Vec<Stmt>,
    ) -> Result<Option<Expr>, Fault> {
        let (plain, explicit) = name.strip_suffix("_explicit").map_or((name, false), |plain| (plain, true));
        self.expect("(")?;
        self.count_operator()?;
        let value = match plain {
            "atomic_thread_fence" if !explicit => {
                let order = self.order(&ANY)?;
                // A relaxed fence does nothing.
                out.extend((order != Ordering::Relaxed).then_some(Stmt::Fence(order)));
                None
            }
            "atomic_load" => {
                let location = self.atomic(scope)?;
                let order = self.order_if(explicit, &LOADS)?;
                let register = scope.unnamed();
                out.push(Stmt::Load { register, location, order: Some(order) });
                Some(Expr::Register(register))
            }
            "atomic_store" => {
                let location = self.atomic(scope)?;
                self.expect(",")?;
                let value = self.expression(scope, out)?;
                let order = self.order_if(explicit, &STORES)?;
                out.push(Stmt::Store { location, value, order: Some(order) });
                None
            }
            "atomic_compare_exchange_strong" => Some(self.compare_exchange(explicit, false, scope, out)?),
            "atomic_compare_exchange_weak" => Some(self.compare_exchange(explicit, true, scope, out)?),
            _ => {
                let modify = modify(plain).ok_or_else(|| Fault::new(at, unknown_call(name)))?;
                let location = self.atomic(scope)?;
                self.locations[location].modified = true;
                self.expect(",")?;
                let operand = self.expression(scope, out)?;
                let order = self.order_if(explicit, &ANY)?;
                let register = scope.unnamed();
                out.push(Stmt::Modify { register, location, modify, operand, order });
                Some(Expr::Register(register))
            }
        };
        self.expect(")")?;
        Ok(value)
    }

    /// A location that is accessed atomically.
    fn atomic(&mut self, scope: &Scope) -> Result<usize, Fault> {
        let location = self.location(scope)?;
        self.locations[location].atomic = true;
        Ok(location)
    }

    /// `x, &r, new, success, failure`: what is expected is a local variable, or a plain location that is read
    /// before and, after a failure, written.
    fn compare_exchange(
        &mut self,
        explicit: bool,
        weak: bool,
        scope: &mut Scope,
        out: &mut Vec<Stmt>,
    ) -> Result<Expr, Fault> {
        let location = self.atomic(scope)?;
        self.locations[location].modified = true;
        self.expect(",")?;
        let (expected, shared) = self.expected(scope, out)?;
        self.expect(",")?;
        let new = self.expression(scope, out)?;
        let orders = if explicit {
            self.expect(",")?;
            let success = self.order(&ANY)?;
            self.expect(",")?;
            [success, self.order(&LOADS)?]
        } else {
            [Ordering::SeqCst; 2]
        };
        let success = scope.unnamed();
        let compare = Stmt::CompareExchange {
            old: expected,
            success,
            location,
            expected: Expr::Register(expected),
            new,
            orders,
            weak,
        };
        out.push(compare);
        if let Some(shared) = shared {
            let store = Stmt::Store { location: shared, value: Expr::Register(expected), order: None };
            out.push(Stmt::If(Expr::Register(success), Vec::new(), vec![store]));
        }
        Ok(Expr::Register(success))
    }

    /// The register with what is expected, and the location that it comes from, if it does.
    fn expected(&mut self, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<(usize, Option<usize>), Fault> {
        let address = self.accept("&")?;
        let (at, name) = self.name("`&` and a local variable with what is expected")?;
        match (scope.register(&name), address) {
            (Some(register), true) => Ok((register, None)),
            (Some(_), false) => {
                Err(Fault::new(at, format!("expected `&{name}`, the address of what is expected")))
            }
            (None, true) => {
                Err(Fault::new(at, format!("`{name}` is no local variable of P{}", scope.thread)))
            }
            (None, false) => {
                let location = self.parameter(at, &name, scope)?;
                self.locations[location].plain = true;
                let register = scope.unnamed();
                out.push(Stmt::Load { register, location, order: None });
                Ok((register, Some(location)))
            }
        }
    }

    /// An ordering after a comma, or the default.
    fn order_if(&mut self, explicit: bool, possible: &[Ordering]) -> Result<Ordering, Fault> {
        if !explicit {
            return Ok(Ordering::SeqCst);
        }
        self.expect(",")?;
        self.order(possible)
    }

    fn order(&mut self, possible: &[Ordering]) -> Result<Ordering, Fault> {
        let (at, name) = self.name("a memory order")?;
        let found = ANY.into_iter().find(|order| order_name(*order) == name);
        found.filter(|order| possible.contains(order)).ok_or_else(|| {
            let possible: Vec<_> = possible.iter().map(|order| format!("`{}`", order_name(*order))).collect();
            Fault::new(at, format!("expected one of {}, but found `{name}`", possible.join(", ")))
        })
    }
}

const ANY: [Ordering; 5] =
    [Ordering::Relaxed, Ordering::Acquire, Ordering::Release, Ordering::AcqRel, Ordering::SeqCst];
const LOADS: [Ordering; 3] = [Ordering::Relaxed, Ordering::Acquire, Ordering::SeqCst];
const STORES: [Ordering; 3] = [Ordering::Relaxed, Ordering::Release, Ordering::SeqCst];

/// In C's words.
fn order_name(order: Ordering) -> &'static str {
    match order {
        Ordering::Relaxed => "memory_order_relaxed",
        Ordering::Acquire => "memory_order_acquire",
        Ordering::Release => "memory_order_release",
        Ordering::AcqRel => "memory_order_acq_rel",
        _ => "memory_order_seq_cst",
    }
}

fn modify(name: &str) -> Option<Modify> {
    Some(match name {
        "atomic_exchange" => Modify::Swap,
        "atomic_fetch_add" => Modify::Add,
        "atomic_fetch_sub" => Modify::Sub,
        "atomic_fetch_or" => Modify::Or,
        "atomic_fetch_and" => Modify::And,
        "atomic_fetch_xor" => Modify::Xor,
        _ => return None,
    })
}

fn unknown_call(name: &str) -> String {
    format!(
        "`{name}` is not supported: expected `atomic_load`, `atomic_store`, `atomic_exchange`, `atomic_fetch_add`, \
         `…_sub`, `…_or`, `…_and`, `…_xor`, `atomic_compare_exchange_strong` or `…_weak`, with `_explicit` or \
         without, or `atomic_thread_fence`"
    )
}

/// Two operands with an operator; the right one accesses memory so. Of `&&` and `||` it is evaluated only if it
/// matters.
fn join(
    operator: Binary,
    left: Expr,
    right: Expr,
    accesses: Vec<Stmt>,
    scope: &mut Scope,
    out: &mut Vec<Stmt>,
) -> Expr {
    let both = |left, right| Expr::Binary(operator, Box::new(left), Box::new(right));
    if accesses.is_empty() {
        return both(left, right);
    }
    if !matches!(operator, Binary::And | Binary::Or) {
        out.extend(accesses);
        return both(left, right);
    }
    let register = scope.unnamed();
    let truth = |value| Expr::Binary(Binary::Differ, Box::new(value), Box::new(Expr::Const(0)));
    out.push(Stmt::Assign(register, truth(left)));
    let mut evaluated = accesses;
    evaluated.push(Stmt::Assign(register, truth(right)));
    let (then, otherwise) =
        if operator == Binary::And { (evaluated, Vec::new()) } else { (Vec::new(), evaluated) };
    out.push(Stmt::If(Expr::Register(register), then, otherwise));
    Expr::Register(register)
}
