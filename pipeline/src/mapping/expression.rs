//! One VRL expression: compiled once, run on many records, within bounds.

use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use serde_json::Value as Json;
use vrl::{
    compiler::{
        CompileConfig, Compiler, ExpressionError, Program, TargetValueRef, TimeZone, TypeState,
        runtime::{Runtime, Terminate},
        state::RuntimeState,
    },
    diagnostic::{DiagnosticList, DiagnosticMessage, Span},
    path::{OwnedSegment, PathPrefix},
    value::{KeyString, Secrets, Value},
};

use super::{
    Failure, VALUE_BYTES_MAX, functions, guard,
    issue::{nearest, reason},
    template::position,
};

/// The name under which an expression sees the element of the list.
pub(super) const ITEM: &str = "item";

/// A compiled expression.
#[derive(Debug)]
pub(super) struct Expression {
    program: Program,
    source: String,
    /// What it reads: paths with `[]` for indices. An empty one is the whole record.
    pub(super) reads: Vec<String>,
}

/// What is wrong with an expression, and where.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) position: Option<(u32, u32)>,
    pub(super) suggestion: Option<String>,
}

/// Compiles an expression.
pub(super) fn compile(source: &str) -> Result<Expression, Fault> {
    let fault = |message: String, span: Option<Span>| Fault {
        message,
        position: span.map(|span| position(source, span.start())),
        suggestion: None,
    };
    let ast = vrl::parser::parse(source).map_err(|error| {
        let span = error.labels().first().map(|label| label.span);
        fault(one_line(&error.message()), span)
    })?;
    guard::check(&ast).map_err(|refused| fault(refused.message, Some(refused.span)))?;
    let mut config = CompileConfig::default();
    config.set_read_only();
    let result = Compiler::compile(functions::allowed(), ast, &TypeState::default(), config)
        .map_err(|diagnostics| first_problem(source, &diagnostics))?;
    let reads = result
        .program
        .info()
        .target_queries
        .iter()
        .filter(|path| path.prefix == PathPrefix::Event)
        .map(|path| {
            path.path.segments.iter().fold(String::new(), |mut text, segment| {
                match segment {
                    OwnedSegment::Field(name) => {
                        if !text.is_empty() {
                            text.push('.');
                        }
                        text.push_str(name);
                    }
                    OwnedSegment::Index(_) => text.push_str("[]"),
                }
                text
            })
        })
        .collect();
    Ok(Expression { program: result.program, source: source.to_owned(), reads })
}

fn first_problem(source: &str, diagnostics: &DiagnosticList) -> Fault {
    let Some(problem) = diagnostics.iter().find(|diagnostic| diagnostic.is_problem()) else {
        return Fault {
            message: "the expression does not compile".to_owned(),
            position: None,
            suggestion: None,
        };
    };
    let label =
        problem.labels().iter().find(|label| label.primary).or_else(|| problem.labels().first());
    let mut message = one_line(problem.message());
    if let Some(label) = label
        && !label.message.is_empty()
    {
        message = format!("{message}: {}", one_line(&label.message));
    }
    let called = label
        .and_then(|label| source.get(label.span.range()))
        .and_then(|text| text.split(['(', '!']).next())
        .map(str::trim);
    let suggestion = match called {
        Some(name) if message.contains("undefined function") => {
            message = format!("{name} is no function that a mapping may call");
            nearest(name, functions::names())
        }
        _ => None,
    };
    Fault { message, position: label.map(|label| position(source, label.span.start())), suggestion }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A record, or the part of it that expressions read, in VRL's own form.
#[derive(Debug)]
pub(super) struct Subject {
    value: Value,
    metadata: Value,
    secrets: Secrets,
}

impl Subject {
    /// Of the named fields of a record; of the whole record when none are named.
    pub(super) fn new(document: &Json, fields: Option<&[String]>) -> Self {
        let value = match (document, fields) {
            (Json::Object(map), Some(names)) => Value::Object(
                names
                    .iter()
                    .filter_map(|name| {
                        Some((KeyString::from(name.as_str()), Value::from(map.get(name)?)))
                    })
                    .collect(),
            ),
            _ => Value::from(document),
        };
        Self { value, metadata: Value::Object(Default::default()), secrets: Secrets::default() }
    }

    /// Shows an element of a list as `.item`, or none.
    pub(super) fn set_item(&mut self, element: Option<&Json>) {
        if let Value::Object(map) = &mut self.value {
            match element {
                Some(element) => map.insert(ITEM.into(), Value::from(element)),
                None => map.remove(ITEM),
            };
        }
    }
}

impl Expression {
    /// Runs on a record. The failure says nothing of the record's content.
    pub(super) fn run(&self, subject: &mut Subject) -> Result<Json, Failure> {
        static UTC: LazyLock<TimeZone> =
            LazyLock::new(|| TimeZone::parse("UTC").unwrap_or_default());
        functions::refuel();
        let mut target = TargetValueRef {
            value: &mut subject.value,
            metadata: &mut subject.metadata,
            secrets: &mut subject.secrets,
        };
        let mut control = || {
            if functions::burn(1) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let mut runtime = Runtime::new(RuntimeState::default());
        // A bug in one function must cost one record, not the worker.
        let result = catch_unwind(AssertUnwindSafe(|| {
            runtime.resolve_with_control(&mut target, &self.program, &UTC, &mut control)
        }))
        .map_err(|_| Failure::new(reason::EXPRESSION_FAILED, "the expression broke down"))?;
        let value = result.map_err(|error| self.failure(&error))?;
        if functions::size(&value, VALUE_BYTES_MAX) > VALUE_BYTES_MAX {
            return Err(Failure::new(
                reason::VALUE_TOO_LARGE,
                "the expression makes a value that is too large",
            ));
        }
        value.try_into().map_err(|_| {
            Failure::new(reason::EXPRESSION_FAILED, "the expression gives a value JSON cannot hold")
        })
    }

    /// What went wrong, by place alone: messages of VRL quote values.
    fn failure(&self, error: &Terminate) -> Failure {
        let too_much = || {
            Failure::new(reason::VALUE_TOO_LARGE, "the expression works too long on this record")
        };
        let at = |span: Span| {
            let (line, column) = position(&self.source, span.start());
            format!(" at line {line}, column {column}")
        };
        let error = match error {
            Terminate::Interrupted => return too_much(),
            Terminate::Error(error) | Terminate::Abort(error) => error,
        };
        if functions::is_burnt() {
            return too_much();
        }
        let place = match error {
            ExpressionError::Abort { span, .. } => {
                let message = format!("the expression was aborted{}", at(*span));
                return Failure::new(reason::EXPRESSION_FAILED, message);
            }
            ExpressionError::Error { message, labels, .. } => {
                if message.ends_with("the value is too large") {
                    return Failure::new(
                        reason::VALUE_TOO_LARGE,
                        "the expression makes a value that is too large",
                    );
                }
                let function = message
                    .strip_prefix("function call error for \"")
                    .and_then(|rest| rest.split('"').next())
                    .map(|name| format!(" in {name}"));
                let span = span_in(message).or_else(|| labels.first().map(|label| label.span));
                format!("{}{}", function.unwrap_or_default(), span.map(at).unwrap_or_default())
            }
            _ => String::new(),
        };
        Failure::new(reason::EXPRESSION_FAILED, format!("the expression failed{place}"))
    }
}

/// The place in `function call error for "x" at (4:9): …`.
fn span_in(message: &str) -> Option<Span> {
    let (_, rest) = message.split_once(" at (")?;
    let (place, _) = rest.split_once(')')?;
    let (start, end) = place.split_once(':')?;
    Some(Span::new(start.parse().ok()?, end.parse().ok()?))
}
