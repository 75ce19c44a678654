//! What a SOQL text says, before it meets an org.

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// The fields, or `None` for `COUNT()`.
    pub fields: Option<Vec<String>>,
    /// The object.
    pub from: String,
    /// The condition.
    pub condition: Option<Condition>,
    /// The order.
    pub order: Vec<Order>,
    /// At most so many rows.
    pub limit: Option<usize>,
    /// So many rows are left out.
    pub offset: usize,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// All hold.
    And(Vec<Condition>),
    /// At least one holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// A field against values: one, or several for `IN`.
    Compare(String, Operator, Vec<Literal>),
}

/// An operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `=`
    Equal,
    /// `!=` and `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `LIKE`
    Like,
    /// `IN`
    In,
    /// `NOT IN`
    NotIn,
}

/// A literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A quoted text, escapes still in it.
    Text(String),
    /// A number.
    Number(f64),
    /// `TRUE` or `FALSE`.
    Flag(bool),
    /// A calendar day.
    Date(String),
    /// An instant.
    Datetime(String),
    /// `NULL`.
    Null,
}

/// One field of `ORDER BY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The field.
    pub field: String,
    /// Largest first.
    pub is_descending: bool,
    /// Where the empty ones go.
    pub nulls_last: bool,
}
