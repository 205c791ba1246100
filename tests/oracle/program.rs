//! Loop-free programs as plain data, how one of their threads runs, and how they are printed.

use std::fmt;

/// A memory ordering, or none: plain memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Order {
    Plain,
    Relaxed,
    Acquire,
    Release,
    AcqRel,
    SeqCst,
}

impl Order {
    /// At least an acquire.
    pub(crate) fn acquires(self) -> bool {
        matches!(self, Order::Acquire | Order::AcqRel | Order::SeqCst)
    }

    /// At least a release.
    pub(crate) fn releases(self) -> bool {
        matches!(self, Order::Release | Order::AcqRel | Order::SeqCst)
    }

    /// The same in std's words; none for plain memory.
    pub(crate) fn atomic(self) -> Option<std::sync::atomic::Ordering> {
        use std::sync::atomic::Ordering;
        Some(match self {
            Order::Plain => return None,
            Order::Relaxed => Ordering::Relaxed,
            Order::Acquire => Ordering::Acquire,
            Order::Release => Ordering::Release,
            Order::AcqRel => Ordering::AcqRel,
            Order::SeqCst => Ordering::SeqCst,
        })
    }
}

/// An operator on two values. Comparisons give 1 or 0; arithmetic wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operator {
    Add,
    Sub,
    Mul,
    And,
    Or,
    Xor,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Operator {
    pub(crate) fn apply(self, a: i64, b: i64) -> i64 {
        match self {
            Operator::Add => a.wrapping_add(b),
            Operator::Sub => a.wrapping_sub(b),
            Operator::Mul => a.wrapping_mul(b),
            Operator::And => a & b,
            Operator::Or => a | b,
            Operator::Xor => a ^ b,
            Operator::Eq => i64::from(a == b),
            Operator::Ne => i64::from(a != b),
            Operator::Lt => i64::from(a < b),
            Operator::Le => i64::from(a <= b),
            Operator::Gt => i64::from(a > b),
            Operator::Ge => i64::from(a >= b),
        }
    }

    fn symbol(self) -> &'static str {
        match self {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::Mul => "*",
            Operator::And => "&",
            Operator::Or => "|",
            Operator::Xor => "^",
            Operator::Eq => "==",
            Operator::Ne => "!=",
            Operator::Lt => "<",
            Operator::Le => "<=",
            Operator::Gt => ">",
            Operator::Ge => ">=",
        }
    }
}

/// A value computed from constants and the thread's registers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Expr {
    Const(i64),
    Reg(usize),
    Binary(Operator, Box<Expr>, Box<Expr>),
}

impl Expr {
    pub(crate) fn value(&self, registers: &[i64]) -> i64 {
        match self {
            Expr::Const(value) => *value,
            Expr::Reg(register) => registers[*register],
            Expr::Binary(operator, a, b) => operator.apply(a.value(registers), b.value(registers)),
        }
    }
}

/// What a read-modify-write makes of the old value and its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Modify {
    Add,
    Sub,
    And,
    Or,
    Xor,
    Swap,
}

impl Modify {
    pub(crate) fn apply(self, old: i64, operand: i64) -> i64 {
        match self {
            Modify::Add => old.wrapping_add(operand),
            Modify::Sub => old.wrapping_sub(operand),
            Modify::And => old & operand,
            Modify::Or => old | operand,
            Modify::Xor => old ^ operand,
            Modify::Swap => operand,
        }
    }
}

/// One statement. Registers and locations are numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stmt {
    Load {
        register: usize,
        location: usize,
        order: Order,
    },
    Store {
        location: usize,
        value: Expr,
        order: Order,
    },
    /// `register` gets the old value.
    Rmw {
        register: usize,
        location: usize,
        modify: Modify,
        operand: Expr,
        order: Order,
    },
    /// `old` gets the value that was read, `success` 1 or 0. A weak one may fail where it would succeed.
    Cas {
        old: usize,
        success: usize,
        location: usize,
        expected: Expr,
        new: Expr,
        on_success: Order,
        on_failure: Order,
        weak: bool,
    },
    Fence(Order),
    Assign(usize, Expr),
    /// The first block if the value is not 0.
    If(Expr, Vec<Stmt>, Vec<Stmt>),
}

/// A program: what its locations hold at first, and its threads. Every register starts as 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Program {
    pub(crate) initial: Vec<i64>,
    pub(crate) threads: Vec<Thread>,
}

/// A thread and how many registers it has.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Thread {
    pub(crate) registers: usize,
    pub(crate) body: Vec<Stmt>,
}

impl Program {
    /// A program whose threads have as many registers as they name.
    pub(crate) fn new(initial: &[i64], bodies: Vec<Vec<Stmt>>) -> Self {
        let thread = |body: Vec<Stmt>| Thread { registers: most_registers(&body), body };
        Program { initial: initial.to_vec(), threads: bodies.into_iter().map(thread).collect() }
    }
}

impl Program {
    /// Of each location, whether all its accesses are plain.
    fn plain_locations(&self) -> Vec<bool> {
        fn visit(body: &[Stmt], plain: &mut [bool]) {
            for stmt in body {
                match stmt {
                    Stmt::Load { location, order, .. } | Stmt::Store { location, order, .. } => {
                        plain[*location] &= *order == Order::Plain;
                    }
                    Stmt::Rmw { location, .. } | Stmt::Cas { location, .. } => plain[*location] = false,
                    Stmt::If(_, then, otherwise) => {
                        visit(then, plain);
                        visit(otherwise, plain);
                    }
                    Stmt::Fence(_) | Stmt::Assign(..) => {}
                }
            }
        }
        let mut plain = vec![true; self.initial.len()];
        self.threads.iter().for_each(|thread| visit(&thread.body, &mut plain));
        plain
    }
}

fn most_registers(body: &[Stmt]) -> usize {
    fn of(expr: &Expr) -> usize {
        match expr {
            Expr::Const(_) => 0,
            Expr::Reg(register) => register + 1,
            Expr::Binary(_, a, b) => of(a).max(of(b)),
        }
    }
    let one = |stmt: &Stmt| match stmt {
        Stmt::Load { register, .. } => register + 1,
        Stmt::Store { value, .. } => of(value),
        Stmt::Rmw { register, operand, .. } => of(operand).max(register + 1),
        Stmt::Cas { old, success, expected, new, .. } => {
            of(expected).max(of(new)).max(old + 1).max(success + 1)
        }
        Stmt::Fence(_) => 0,
        Stmt::Assign(register, value) => of(value).max(register + 1),
        Stmt::If(condition, then, otherwise) => {
            of(condition).max(most_registers(then)).max(most_registers(otherwise))
        }
    };
    body.iter().map(one).max().unwrap_or(0)
}

/// An operation on memory with its operands computed: what a thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Load { location: usize, order: Order },
    Store { location: usize, value: i64, order: Order },
    Rmw { location: usize, modify: Modify, operand: i64, order: Order },
    Cas { location: usize, expected: i64, new: i64, on_success: Order, on_failure: Order, weak: bool },
    Fence(Order),
}

/// What an operation gave: the value read (0 of a store or fence), and whether a compare-exchange wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) value: i64,
    pub(crate) success: bool,
}

/// Runs a thread on whatever memory answers its operations, and returns its registers. With an answer of
/// `None` the thread halts there.
pub(crate) fn interpret(
    thread: &Thread,
    mut memory: impl FnMut(Operation) -> Option<Answer>,
) -> Option<Vec<i64>> {
    let mut registers = vec![0; thread.registers];
    block(&thread.body, &mut registers, &mut memory)?;
    Some(registers)
}

fn block(
    body: &[Stmt],
    registers: &mut [i64],
    memory: &mut impl FnMut(Operation) -> Option<Answer>,
) -> Option<()> {
    for stmt in body {
        match stmt {
            Stmt::Load { register, location, order } => {
                let answer = memory(Operation::Load { location: *location, order: *order })?;
                registers[*register] = answer.value;
            }
            Stmt::Store { location, value, order } => {
                let value = value.value(registers);
                memory(Operation::Store { location: *location, value, order: *order })?;
            }
            Stmt::Rmw { register, location, modify, operand, order } => {
                let (location, modify, operand) = (*location, *modify, operand.value(registers));
                let answer = memory(Operation::Rmw { location, modify, operand, order: *order })?;
                registers[*register] = answer.value;
            }
            Stmt::Cas { old, success, location, expected, new, on_success, on_failure, weak } => {
                let answer = memory(Operation::Cas {
                    location: *location,
                    expected: expected.value(registers),
                    new: new.value(registers),
                    on_success: *on_success,
                    on_failure: *on_failure,
                    weak: *weak,
                })?;
                registers[*old] = answer.value;
                registers[*success] = i64::from(answer.success);
            }
            Stmt::Fence(order) => {
                memory(Operation::Fence(*order))?;
            }
            Stmt::Assign(register, value) => registers[*register] = value.value(registers),
            Stmt::If(condition, then, otherwise) => {
                let taken = if condition.value(registers) == 0 { otherwise } else { then };
                block(taken, registers, memory)?;
            }
        }
    }
    Some(())
}

/// As herd's C dialect writes it, with the locations `x0`, `x1`, … and the registers `r0`, `r1`, ….
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "C program\n")?;
        let initial = self.initial.iter().enumerate();
        let initial: Vec<_> = initial.map(|(location, value)| format!("x{location} = {value};")).collect();
        writeln!(f, "{{ {} }}", initial.join(" "))?;
        let plain = self.plain_locations();
        let parameter = |l: usize| format!("{} x{l}", if plain[l] { "int*" } else { "atomic_int*" });
        let parameters: Vec<_> = (0..self.initial.len()).map(parameter).collect();
        for (number, thread) in self.threads.iter().enumerate() {
            writeln!(f, "\nP{number} ({}) {{", parameters.join(", "))?;
            for register in 0..thread.registers {
                writeln!(f, "  int r{register} = 0;")?;
            }
            print(f, &thread.body, 1)?;
            writeln!(f, "}}")?;
        }
        let observed: Vec<_> = (self.threads.iter().enumerate())
            .flat_map(|(number, thread)| (0..thread.registers).map(move |r| format!("{number}:r{r};")))
            .chain((0..self.initial.len()).map(|l| format!("x{l};")))
            .collect();
        writeln!(f, "\nlocations [{}]\nexists (true)", observed.join(" "))
    }
}

fn print(f: &mut fmt::Formatter<'_>, body: &[Stmt], depth: usize) -> fmt::Result {
    let indent = "  ".repeat(depth);
    for stmt in body {
        match stmt {
            Stmt::If(condition, then, otherwise) => {
                writeln!(f, "{indent}if ({condition}) {{")?;
                print(f, then, depth + 1)?;
                if !otherwise.is_empty() {
                    writeln!(f, "{indent}}} else {{")?;
                    print(f, otherwise, depth + 1)?;
                }
                writeln!(f, "{indent}}}")?;
            }
            Stmt::Cas { old, success, location, expected, new, on_success, on_failure, weak } => {
                let kind = if *weak { "weak" } else { "strong" };
                writeln!(f, "{indent}r{old} = {expected};")?;
                writeln!(
                    f,
                    "{indent}r{success} = atomic_compare_exchange_{kind}_explicit(x{location}, &r{old}, {new}, \
                     {on_success}, {on_failure});",
                )?;
            }
            simple => writeln!(f, "{indent}{simple};")?,
        }
    }
    Ok(())
}

impl fmt::Display for Stmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stmt::Load { register, location, order: Order::Plain } => write!(f, "r{register} = *x{location}"),
            Stmt::Load { register, location, order } => {
                write!(f, "r{register} = atomic_load_explicit(x{location}, {order})")
            }
            Stmt::Store { location, value, order: Order::Plain } => write!(f, "*x{location} = {value}"),
            Stmt::Store { location, value, order } => {
                write!(f, "atomic_store_explicit(x{location}, {value}, {order})")
            }
            Stmt::Rmw { register, location, modify: Modify::Swap, operand, order } => {
                write!(f, "r{register} = atomic_exchange_explicit(x{location}, {operand}, {order})")
            }
            Stmt::Rmw { register, location, modify, operand, order } => {
                let name = format!("{modify:?}").to_lowercase();
                write!(f, "r{register} = atomic_fetch_{name}_explicit(x{location}, {operand}, {order})")
            }
            Stmt::Fence(order) => write!(f, "atomic_thread_fence({order})"),
            Stmt::Assign(register, value) => write!(f, "r{register} = {value}"),
            Stmt::Cas { .. } | Stmt::If(..) => write!(f, "a block"),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Const(value) => write!(f, "{value}"),
            Expr::Reg(register) => write!(f, "r{register}"),
            Expr::Binary(operator, a, b) => write!(f, "({a} {} {b})", operator.symbol()),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Order::Plain => "plain",
            Order::Relaxed => "memory_order_relaxed",
            Order::Acquire => "memory_order_acquire",
            Order::Release => "memory_order_release",
            Order::AcqRel => "memory_order_acq_rel",
            Order::SeqCst => "memory_order_seq_cst",
        })
    }
}

/// `register = location`
pub(crate) fn load(register: usize, location: usize, order: Order) -> Stmt {
    Stmt::Load { register, location, order }
}

/// `location = value`
pub(crate) fn store(location: usize, value: i64, order: Order) -> Stmt {
    Stmt::Store { location, value: Expr::Const(value), order }
}

/// `register = modify(location, operand)`
pub(crate) fn rmw(register: usize, modify: Modify, location: usize, operand: i64, order: Order) -> Stmt {
    Stmt::Rmw { register, location, modify, operand: Expr::Const(operand), order }
}

/// A strong compare-exchange with one ordering; `register` gets the old value and the next one the success.
pub(crate) fn cas(register: usize, location: usize, expected: i64, new: i64, order: Order) -> Stmt {
    Stmt::Cas {
        old: register,
        success: register + 1,
        location,
        expected: Expr::Const(expected),
        new: Expr::Const(new),
        on_success: order,
        on_failure: match order {
            Order::Release => Order::Relaxed,
            Order::AcqRel => Order::Acquire,
            order => order,
        },
        weak: false,
    }
}

/// `if (register == value) { then }`
pub(crate) fn when(register: usize, value: i64, then: Vec<Stmt>) -> Stmt {
    let (register, value) = (Box::new(Expr::Reg(register)), Box::new(Expr::Const(value)));
    Stmt::If(Expr::Binary(Operator::Eq, register, value), then, Vec::new())
}
