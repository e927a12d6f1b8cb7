//! What an expression may look like, beyond what VRL checks: nothing that can grow without bound.
//!
//! VRL has no endless loops, but `s = s + s` forty times over fills any memory. Results of
//! functions are measured when they are made (see `functions`); this guard bounds what happens
//! between two calls. The *weight* of a part is how many measured values may be joined in it.

use std::collections::{BTreeMap, BTreeSet};

use vrl::{
    diagnostic::Span,
    parser::ast::{
        Assignment, AssignmentOp, AssignmentTarget, Block, Container, Expr, FunctionCall,
        IfStatement, Literal, Node, Op, Opcode, Predicate, Program, QueryTarget, RootExpr, Unary,
    },
    parser::template_string::StringSegment,
    path::{OwnedSegment, OwnedValuePath},
};

/// How deep parts may be nested.
const DEPTH_MAX: usize = 40;
/// How many measured values may be joined in one.
const WEIGHT_MAX: usize = 256;
/// The highest index that may be assigned to.
const INDEX_MAX: isize = 1_000;
/// How many regular expressions there may be, and how long; each may compile to megabytes.
const REGEXES_MAX: usize = 16;
const REGEX_BYTES_MAX: usize = 500;
/// The longest text that `replace` and `join` may put in many places.
const REPEATED_BYTES_MAX: usize = 64;

/// Functions whose results are numbers, whatever they are given.
const NUMERIC: [&str; 14] = [
    "abs",
    "ceil",
    "float",
    "floor",
    "int",
    "length",
    "mod",
    "parse_float",
    "parse_int",
    "round",
    "strlen",
    "to_float",
    "to_int",
    "to_unix_timestamp",
];

/// Why an expression is refused, and where.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) span: Span,
    pub(super) message: String,
}

type Weight = Result<usize, Refused>;

/// Where a part stands.
#[derive(Clone, Copy)]
struct Place {
    depth: usize,
    /// In the body of a closure, which runs many times.
    repeated: bool,
    /// An argument of a function, whose result is measured.
    measured: bool,
}

impl Place {
    const fn inner(self) -> Self {
        Self { depth: self.depth + 1, measured: false, ..self }
    }

    const fn argument(self) -> Self {
        Self { depth: self.depth + 1, measured: true, ..self }
    }
}

/// Walks over a whole program.
pub(super) fn check(program: &Program) -> Result<(), Refused> {
    let mut guard = Guard::default();
    let place = Place { depth: 0, repeated: false, measured: false };
    for root in &program.0 {
        if let RootExpr::Expr(expr) = &**root {
            guard.expr(expr, place)?;
        }
    }
    Ok(())
}

fn refuse<T>(span: Span, message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { span, message: message.into() })
}

#[derive(Default)]
struct Guard {
    weights: BTreeMap<String, usize>,
    /// Variables that only ever held numbers.
    numbers: BTreeSet<String>,
    /// Variables that held something else.
    others: BTreeSet<String>,
    regexes: usize,
}

impl Guard {
    fn expr(&mut self, node: &Node<Expr>, place: Place) -> Weight {
        let span = node.span();
        if place.depth > DEPTH_MAX {
            return refuse(span, "the expression is nested too deeply");
        }
        let weight = match &**node {
            Expr::Literal(literal) => self.literal(literal, span, place)?,
            Expr::Container(container) => self.container(container, span, place)?,
            Expr::IfStatement(statement) => self.if_statement(statement, place.inner())?,
            Expr::Op(op) => self.op(op, span, place)?,
            Expr::Assignment(assignment) => self.assignment(assignment, span, place)?,
            Expr::Query(query) => match &*query.target {
                QueryTarget::Internal(name) => self.weight_of(name),
                QueryTarget::External(_) => 1,
                QueryTarget::FunctionCall(call) => self.call(call, span, place)?,
                QueryTarget::Container(container) => self.container(container, span, place)?,
            },
            Expr::FunctionCall(call) => self.call(call, span, place)?,
            Expr::Variable(name) => self.weight_of(name),
            Expr::Unary(unary) => match &**unary {
                Unary::Not(not) => {
                    self.expr(&not.clone().into_inner().take().1, place.inner())?;
                    1
                }
            },
            Expr::Abort(abort) => match &abort.message {
                Some(message) => self.expr(message, place.inner())?,
                None => 1,
            },
            Expr::Return(value) => self.expr(&value.expr, place.inner())?,
            Expr::Break(_) => 1,
        };
        if weight > WEIGHT_MAX {
            return refuse(span, "the expression joins too many values; use join or fewer parts");
        }
        Ok(weight)
    }

    fn weight_of(&self, name: &str) -> usize {
        self.weights.get(name).copied().unwrap_or(1)
    }

    fn literal(&mut self, literal: &Literal, span: Span, place: Place) -> Weight {
        match literal {
            Literal::Regex(pattern) => {
                self.regexes += 1;
                if self.regexes > REGEXES_MAX || pattern.len() > REGEX_BYTES_MAX {
                    return refuse(span, "too many or too long regular expressions");
                }
                Ok(1)
            }
            Literal::String(template) => {
                let names = template.0.iter().filter_map(|segment| match segment {
                    StringSegment::Template(name, _) => Some(self.weight_of(name)),
                    StringSegment::Literal(..) => None,
                });
                let weight = names.sum::<usize>();
                if weight > 0 && template.0.len() > 1 {
                    joined(span, place)?;
                }
                Ok(weight + 1)
            }
            _ => Ok(1),
        }
    }

    fn container(&mut self, container: &Container, span: Span, place: Place) -> Weight {
        match container {
            Container::Group(group) => self.expr(
                &group.clone().into_inner().into_inner(),
                Place { depth: place.depth + 1, ..place },
            ),
            Container::Block(block) => self.block(block, place.inner()),
            Container::Array(array) => {
                let mut sum = 1;
                for item in array.clone().into_inner() {
                    sum += self.expr(&item, place.inner())?.saturating_sub(1);
                }
                Ok(sum)
            }
            Container::Object(object) => {
                let mut sum = 1;
                for (_, item) in object.clone().into_inner() {
                    sum += self.expr(&item, place.inner())?.saturating_sub(1);
                }
                Ok(sum)
            }
        }
        .and_then(|weight| {
            if weight > WEIGHT_MAX {
                refuse(span, "the structure is too large")
            } else {
                Ok(weight)
            }
        })
    }

    fn block(&mut self, block: &Block, place: Place) -> Weight {
        let mut last = 1;
        for expr in &block.0 {
            last = self.expr(expr, place)?;
        }
        Ok(last)
    }

    fn if_statement(&mut self, statement: &IfStatement, place: Place) -> Weight {
        match &*statement.predicate {
            Predicate::One(expr) => {
                self.expr(expr, place)?;
            }
            Predicate::Many(exprs) => {
                for expr in exprs {
                    self.expr(expr, place)?;
                }
            }
        }
        let yes = self.block(&statement.if_node, place)?;
        let no = match &statement.else_node {
            Some(block) => self.block(block, place)?,
            None => 1,
        };
        Ok(yes.max(no))
    }

    fn op(&mut self, op: &Op, span: Span, place: Place) -> Weight {
        let Op(left, code, right) = op;
        let inner = Place { depth: place.depth + 1, ..place };
        let numeric = self.is_numeric(left) && self.is_numeric(right);
        match **code {
            Opcode::Mul if !numeric => {
                return refuse(
                    span,
                    "both sides of * must be numbers for certain; wrap them in to_int or to_float",
                );
            }
            Opcode::Add | Opcode::Merge if !numeric => joined(span, place)?,
            _ => {}
        }
        let (left, right) = (self.expr(left, inner)?, self.expr(right, inner)?);
        Ok(match **code {
            Opcode::Add | Opcode::Merge if !numeric => left + right,
            Opcode::Or | Opcode::And | Opcode::Err => left.max(right),
            _ => 1,
        })
    }

    fn assignment(&mut self, assignment: &Assignment, span: Span, place: Place) -> Weight {
        let (target, error, expr) = match assignment {
            Assignment::Single { target, expr, .. } => (target, None, expr),
            Assignment::Infallible { ok, err, expr, .. } => (ok, Some(err), expr),
        };
        if place.repeated && is_structure(expr) {
            return refuse(
                span,
                "inside a closure a variable takes the result of a function, a path or a number",
            );
        }
        let mut weight = self.expr(expr, place.inner())?;
        let numeric = self.is_numeric(expr);
        // What is put below a path or merged adds to what is there.
        let merges = match assignment {
            Assignment::Single { op, .. } | Assignment::Infallible { op, .. } => {
                *op == AssignmentOp::Merge
            }
        };
        let adds = merges || assigned(target).is_some_and(|(_, path)| path.is_some());
        if adds && place.repeated {
            return refuse(
                span,
                "inside a closure no part of a variable may be set; use push, merge",
            );
        }
        for (target, numeric) in
            [(Some(target), numeric), (error, false)].into_iter().filter_map(|(t, n)| Some((t?, n)))
        {
            let Some((name, path)) = assigned(target) else { continue };
            if path.is_some_and(has_high_index) {
                return refuse(target.span(), "the index is too high");
            }
            if adds {
                weight += self.weight_of(name);
            }
            self.assign(name, weight, numeric && !adds, target.span())?;
        }
        Ok(weight)
    }

    fn assign(
        &mut self,
        name: &str,
        weight: usize,
        numeric: bool,
        span: Span,
    ) -> Result<(), Refused> {
        let slot = self.weights.entry(name.to_owned()).or_insert(1);
        *slot = weight.max(*slot);
        if numeric && !self.others.contains(name) {
            self.numbers.insert(name.to_owned());
        } else if self.numbers.contains(name) {
            return refuse(span, "a variable that held a number must keep to numbers");
        } else {
            self.others.insert(name.to_owned());
        }
        Ok(())
    }

    fn call(&mut self, call: &FunctionCall, span: Span, place: Place) -> Weight {
        let called: &str = &call.ident;
        let repeats = match called {
            "replace" => Some((2, "with")),
            "join" => Some((1, "separator")),
            _ => None,
        };
        for (index, argument) in call.arguments.iter().enumerate() {
            if let Some((at, name)) = repeats {
                let named = argument.ident.as_ref().map(|ident| ***ident == *name);
                if named.unwrap_or(index == at) && !is_short_text(&argument.expr) {
                    return refuse(
                        argument.span(),
                        format!(
                            "{name} must be a text of at most {REPEATED_BYTES_MAX} bytes as it stands"
                        ),
                    );
                }
            }
            self.expr(&argument.expr, place.argument())?;
        }
        if let Some(closure) = &call.closure {
            for name in &closure.variables {
                self.assign(name, 1, false, span)?;
            }
            let body = Place { depth: place.depth + 1, repeated: true, measured: false };
            self.block(&closure.block, body)?;
        }
        Ok(1)
    }

    fn is_numeric(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Literal(literal) => matches!(&**literal, Literal::Integer(_) | Literal::Float(_)),
            Expr::FunctionCall(call) => NUMERIC.contains(&&**call.ident),
            Expr::Variable(name) => self.numbers.contains(&***name),
            Expr::Container(container) => match &**container {
                Container::Group(group) => {
                    self.is_numeric(&group.clone().into_inner().into_inner())
                }
                _ => false,
            },
            Expr::Op(op) => {
                let arithmetic = matches!(
                    *op.1,
                    Opcode::Mul | Opcode::Div | Opcode::Add | Opcode::Sub | Opcode::Err
                );
                arithmetic && self.is_numeric(&op.0) && self.is_numeric(&op.2)
            }
            _ => false,
        }
    }
}

/// The variable that is assigned to, and the part of it; none for fields of the record, which
/// cannot be assigned to.
fn assigned(target: &AssignmentTarget) -> Option<(&str, Option<&OwnedValuePath>)> {
    match target {
        AssignmentTarget::Internal(name, path) => Some((name, path.as_ref())),
        AssignmentTarget::Query(query) => match &*query.target {
            QueryTarget::Internal(name) => Some((name, Some(&query.path))),
            _ => None,
        },
        AssignmentTarget::Noop | AssignmentTarget::External(_) => None,
    }
}

/// Joining values in a closure happens many times: there each joint value must be measured.
fn joined(span: Span, place: Place) -> Result<(), Refused> {
    if place.repeated && !place.measured {
        return refuse(
            span,
            "inside a closure, join values as an argument of a function such as to_string or push",
        );
    }
    Ok(())
}

fn is_structure(expr: &Expr) -> bool {
    match expr {
        Expr::Container(container) => match &**container {
            Container::Group(group) => is_structure(&group.clone().into_inner().into_inner()),
            Container::Block(_) => true,
            Container::Array(array) => array.clone().into_inner().into_iter().next().is_some(),
            Container::Object(object) => object.clone().into_inner().into_iter().next().is_some(),
        },
        Expr::IfStatement(_) | Expr::Assignment(_) => true,
        Expr::Op(op) => is_structure(&op.0) || is_structure(&op.2),
        _ => false,
    }
}

fn is_short_text(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(literal) => match &**literal {
            Literal::String(text) => {
                text.as_literal_string().is_some_and(|text| text.len() <= REPEATED_BYTES_MAX)
            }
            Literal::RawString(text) => text.len() <= REPEATED_BYTES_MAX,
            _ => false,
        },
        _ => false,
    }
}

fn has_high_index(path: &OwnedValuePath) -> bool {
    path.segments.iter().any(|segment| match segment {
        OwnedSegment::Index(index) => !(-INDEX_MAX..=INDEX_MAX).contains(index),
        OwnedSegment::Field(_) => false,
    })
}
