//! A thread's statements.

use super::ast::{Binary, Expr, Stmt, Thread};
use super::error::{Fault, Position};
use super::lexer::Word;
use super::parser::{Parser, is_type};

/// The thread that is being read.
pub(super) struct Scope {
    pub(super) thread: usize,
    /// The locations that are its parameters.
    pub(super) parameters: Vec<usize>,
    pub(super) registers: Vec<Option<String>>,
}

impl Scope {
    /// The register of this name.
    pub(super) fn register(&self, name: &str) -> Option<usize> {
        self.registers.iter().position(|register| register.as_deref() == Some(name))
    }

    /// A register for an intermediate value.
    pub(super) fn unnamed(&mut self) -> usize {
        self.registers.push(None);
        self.registers.len() - 1
    }
}

const UNSUPPORTED: [&str; 8] = ["while", "for", "do", "goto", "switch", "return", "break", "continue"];

impl Parser<'_> {
    /// `{ … }`, with the registers that the initial state gives a value.
    pub(super) fn body(
        &mut self,
        thread: usize,
        parameters: Vec<usize>,
        initial: &[(usize, String, i64, Position)],
    ) -> Result<Thread, Fault> {
        let mut scope = Scope { thread, parameters, registers: Vec::new() };
        let mut body = Vec::new();
        for (_, name, value, at) in initial {
            if scope.register(name).is_some() {
                return Err(Fault::new(*at, format!("`{thread}:{name}` is initialised twice")));
            }
            scope.registers.push(Some(name.clone()));
            body.push(Stmt::Assign(scope.registers.len() - 1, Expr::Const(*value)));
        }
        self.expect("{")?;
        loop {
            // Behind the last brace comments are no longer C's, and it must be known before they are met.
            if matches!(self.peek()?, (_, Word::Sign("}"))) {
                self.leave_c();
                self.take()?;
                return Ok(Thread { registers: scope.registers, body });
            }
            self.statement(&mut scope, &mut body)?;
        }
    }

    fn statement(&mut self, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<(), Fault> {
        self.within(|parser| parser.any_statement(scope, out))
    }

    fn any_statement(&mut self, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<(), Fault> {
        let (at, word) = self.peek()?.clone();
        match word {
            Word::Sign(";") => {
                self.take()?;
                Ok(())
            }
            Word::Sign("{") => {
                self.take()?;
                while !self.accept("}")? {
                    self.statement(scope, out)?;
                }
                Ok(())
            }
            Word::Sign("*") => {
                self.take()?;
                let location = self.location(scope)?;
                self.expect("=")?;
                let value = self.expression(scope, out)?;
                self.locations[location].plain = true;
                out.push(Stmt::Store { location, value, order: None });
                self.expect(";").map(drop)
            }
            Word::Name(name) if name == "if" => {
                self.take()?;
                self.branch(scope, out)
            }
            Word::Name(name) if UNSUPPORTED.contains(&name.as_str()) => Err(Fault::new(
                at,
                format!("`{name}` is not supported: litmus tests are read without loops and jumps"),
            )),
            Word::Name(name) if is_type(&name) => self.declaration(scope, out),
            Word::Name(_) => self.assignment_or_call(scope, out),
            word => Err(Fault::new(at, format!("expected a statement, but found {word}"))),
        }
    }

    fn branch(&mut self, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<(), Fault> {
        self.expect("(")?;
        let condition = self.expression(scope, out)?;
        self.expect(")")?;
        let (mut then, mut otherwise) = (Vec::new(), Vec::new());
        self.statement(scope, &mut then)?;
        if matches!(self.peek()?, (_, Word::Name(name)) if name == "else") {
            self.take()?;
            self.statement(scope, &mut otherwise)?;
        }
        out.push(Stmt::If(condition, then, otherwise));
        Ok(())
    }

    /// `int r0 = …, r1;` A register that is declared again, in another block perhaps, is the same one.
    fn declaration(&mut self, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<(), Fault> {
        while let (at, Word::Name(name)) = self.peek()?.clone() {
            if name.starts_with("atomic_") || name == "_Atomic" {
                return Err(Fault::new(
                    at,
                    "atomic local variables are not supported: share them as parameters",
                ));
            }
            if !is_type(&name) {
                break;
            }
            self.take()?;
        }
        loop {
            let (at, name) = self.name("the name of a local variable")?;
            if self
                .locations
                .iter()
                .enumerate()
                .any(|(l, known)| known.name == name && scope.parameters.contains(&l))
            {
                return Err(Fault::new(at, format!("`{name}` is a parameter of P{} already", scope.thread)));
            }
            let register = scope.register(&name).unwrap_or_else(|| {
                scope.registers.push(Some(name));
                scope.registers.len() - 1
            });
            if self.accept("=")? {
                self.assign(register, scope, out)?;
            }
            if !self.accept(",")? {
                return self.expect(";").map(drop);
            }
        }
    }

    /// Reads a value into a register; what gave it writes there itself, if it can.
    fn assign(&mut self, register: usize, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<(), Fault> {
        let value = self.expression(scope, out)?;
        if let Expr::Register(unnamed) = value
            && scope.registers[unnamed].is_none()
            && let Some(
                Stmt::Load { register: to, .. }
                | Stmt::Modify { register: to, .. }
                | Stmt::CompareExchange { success: to, .. },
            ) = out.last_mut()
            && *to == unnamed
        {
            *to = register;
            return Ok(());
        }
        out.push(Stmt::Assign(register, value));
        Ok(())
    }

    fn assignment_or_call(&mut self, scope: &mut Scope, out: &mut Vec<Stmt>) -> Result<(), Fault> {
        let (at, name) = self.name("a statement")?;
        if matches!(self.peek()?, (_, Word::Sign("("))) {
            self.call(at, &name, scope, out)?;
            return self.expect(";").map(drop);
        }
        let register = scope.register(&name).ok_or_else(|| {
            let hint = if self.locations.iter().any(|location| location.name == name) {
                ", but a location: `*` is missing"
            } else {
                ""
            };
            Fault::new(at, format!("`{name}` is no local variable of P{}{hint}", scope.thread))
        })?;
        let (at, sign) = self.take()?;
        let operators = [
            ("+=", Binary::Add),
            ("-=", Binary::Sub),
            ("*=", Binary::Mul),
            ("&=", Binary::BitAnd),
            ("|=", Binary::BitOr),
            ("^=", Binary::BitXor),
        ];
        match sign {
            Word::Sign("=") => self.assign(register, scope, out)?,
            Word::Sign(step @ ("++" | "--")) => {
                let operator = if step == "++" { Binary::Add } else { Binary::Sub };
                let one =
                    Expr::Binary(operator, Box::new(Expr::Register(register)), Box::new(Expr::Const(1)));
                out.push(Stmt::Assign(register, one));
            }
            sign => {
                let operator = operators.iter().find(|(name, _)| sign == Word::Sign(name));
                let (_, operator) =
                    operator.ok_or_else(|| Fault::new(at, format!("expected `=`, but found {sign}")))?;
                let value = self.expression(scope, out)?;
                let value = Expr::Binary(*operator, Box::new(Expr::Register(register)), Box::new(value));
                out.push(Stmt::Assign(register, value));
            }
        }
        self.expect(";").map(drop)
    }
}
