//! The parser: `cue/parser`, which ends at the first error.

use super::SyntaxError;
use super::ast::{Ast, Clause, Comprehension, Constraint, Decl, Element, Field, File, Label, Selector};
use super::lexer::{Lexeme, Lexer, Token};
use crate::limits::MAX_POLICY_DEPTH;

pub(super) type Parsed<T> = Result<T, SyntaxError>;

/// Operators by how strongly they bind, the weakest first.
const OPERATORS: &[&[&str]] =
    &[&["|"], &["&"], &["||"], &["&&"], &["==", "!=", "<", "<=", ">", ">=", "=~", "!~"], &["+", "-"], &["*", "/"]];

/// Operands of one kind of operator side by side; they nest in the tree.
const MAX_CHAIN: usize = 200;

/// Parses a file.
pub(crate) fn parse(source: &str) -> Parsed<File> {
    let mut lexer = Lexer::new(source);
    let lexeme = lexer.next()?;
    let mut parser = Parser { lexer, lexeme, depth: 0 };
    let file = parser.file()?;
    // In strings and comments, too.
    let illegal = |at: usize, name: &str| Err(SyntaxError { at, message: format!("illegal {name}") });
    if let Some(at) = source.find('\0') {
        return illegal(at, "character NUL");
    }
    match source.match_indices('\u{feff}').find(|(at, _)| *at > 0) {
        Some((at, _)) => illegal(at, "byte order mark"),
        None => Ok(file),
    }
}

/// A file as far as it is read.
pub(super) struct Parser<'s> {
    pub(super) lexer: Lexer<'s>,
    pub(super) lexeme: Lexeme<'s>,
    depth: usize,
}

/// What may stand before a colon, or what it is without one.
enum Head {
    Label { alias: Option<String>, label: Label, ast: Ast },
    Expression(Ast),
}

impl<'s> Parser<'s> {
    pub(super) fn step(&mut self) -> Parsed<Lexeme<'s>> {
        let next = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.lexeme, next))
    }

    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self.lexeme.token, Token::Sign(s) if s == sign)
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.lexeme.token, Token::Keyword(k) if k == keyword)
    }

    pub(super) fn take(&mut self, sign: &str) -> Parsed<bool> {
        let found = self.is(sign);
        if found {
            self.step()?;
        }
        Ok(found)
    }

    pub(super) fn error<T>(&self, message: impl Into<String>) -> Parsed<T> {
        Err(SyntaxError { at: self.lexeme.at, message: message.into() })
    }

    pub(super) fn expected<T>(&self, what: &str) -> Parsed<T> {
        let Lexeme { token, text, .. } = self.lexeme;
        let found = match token {
            Token::Comma if text == "\n" => return self.error(format!("expected {what}, found newline")),
            Token::Comma => "','".to_owned(),
            Token::Eof => "'EOF'".to_owned(),
            Token::Ident => format!("'IDENT' {text}"),
            Token::Int => format!("'INT' {text}"),
            Token::Float => format!("'FLOAT' {text}"),
            Token::String => format!("'STRING' {text}"),
            Token::Interpolation => format!("'INTERPOLATION' {text}("),
            Token::Attribute => "'ATTRIBUTE'".to_owned(),
            Token::Bottom => "'_|_' _|_".to_owned(),
            Token::Sign(sign) => format!("'{sign}'"),
            Token::Keyword(word) => format!("'{word}'"),
        };
        self.error(format!("expected {what}, found {found}"))
    }

    pub(super) fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.take(sign)? { Ok(()) } else { self.expected(&format!("'{sign}'")) }
    }

    fn expect_closing(&mut self, sign: &str, context: &str) -> Parsed<()> {
        if self.lexeme.token == Token::Comma && self.lexeme.text == "\n" {
            return self.error(format!("missing ',' before newline in {context}"));
        }
        self.expect(sign)
    }

    /// Steps over a comma. False where `closing` or the end stands instead.
    fn comma(&mut self, context: &str, closing: &str) -> Parsed<bool> {
        if self.lexeme.token == Token::Comma {
            self.step()?;
            return Ok(true);
        }
        if self.is(closing) || (closing == "}" && self.lexeme.token == Token::Eof) {
            return Ok(false);
        }
        self.error(format!("missing ',' in {context}"))
    }

    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_POLICY_DEPTH {
            return self.error(format!("nesting is limited to {MAX_POLICY_DEPTH} levels"));
        }
        self.depth = self.depth.saturating_add(1);
        let result = parse(self);
        self.depth = self.depth.saturating_sub(1);
        result
    }

    fn attributes(&mut self) -> Parsed<()> {
        while self.lexeme.token == Token::Attribute {
            self.step()?;
        }
        Ok(())
    }

    /// Skips an attribute that stands alone.
    pub(super) fn attribute(&mut self) -> Parsed<()> {
        self.step()?;
        self.comma("struct literal", "}").map(|_| ())
    }

    pub(super) fn ident(&mut self) -> Parsed<String> {
        if self.lexeme.token != Token::Ident {
            return self.expected("'IDENT'");
        }
        Ok(self.step()?.text.to_owned())
    }

    pub(super) fn declared_ident(&mut self) -> Parsed<String> {
        let name = self.ident()?;
        self.check_declared(&name)?;
        Ok(name)
    }

    fn check_declared(&self, name: &str) -> Parsed<()> {
        if name.starts_with("__") {
            return self.error("identifiers starting with '__' are reserved");
        }
        Ok(())
    }

    pub(super) fn decls(&mut self) -> Parsed<Vec<Decl>> {
        let mut decls = Vec::new();
        while !self.is("}") && self.lexeme.token != Token::Eof {
            if self.lexeme.token == Token::Attribute {
                self.step()?;
                self.comma("struct literal", "}")?;
            } else if self.take("...")? {
                decls.push(Decl::Ellipsis);
                self.comma("struct literal", "}")?;
            } else {
                decls.push(self.decl()?);
            }
        }
        Ok(decls)
    }

    fn decl(&mut self) -> Parsed<Decl> {
        let at = self.lexeme.at;
        let head = match self.lexeme.token {
            Token::Keyword("for" | "if") => {
                let keyword = self.lexeme.text.to_owned();
                if let Some(clauses) = self.clauses()? {
                    let value = self.braces()?;
                    self.comma("struct literal", "}")?;
                    return Ok(Decl::Comprehension(Comprehension { clauses, value }));
                }
                self.named_head(keyword)?
            }
            Token::Keyword("let") => {
                self.step()?;
                if self.lexeme.token == Token::Ident {
                    let name = self.declared_ident()?;
                    self.expect("=")?;
                    let value = self.expression()?;
                    self.comma("struct literal", "}")?;
                    return Ok(Decl::Let(name, value));
                }
                self.named_head("let".to_owned())?
            }
            _ => self.head()?,
        };
        let (alias, label, ast) = match head {
            Head::Label { alias, label, ast } => (alias, label, ast),
            Head::Expression(ast) => {
                self.comma("struct literal", "}")?;
                return Ok(Decl::Embed(ast));
            }
        };
        let constraint = self.constraint()?;
        if !self.is(":") {
            if alias.is_some() {
                return self.error("expected label or ':'");
            }
            match self.lexeme.token {
                Token::Comma => {
                    self.step()?;
                    return Ok(Decl::Embed(ast));
                }
                Token::Eof | Token::Sign("}") => return Ok(Decl::Embed(ast)),
                _ => return self.expected("label or ':'"),
            }
        }
        if let Label::Ident(name) = &label {
            self.check_declared(name)?;
        }
        self.step()?;
        let value = self.nested(Self::field_value)?;
        self.attributes()?;
        self.comma("struct literal", "}")?;
        Ok(Decl::Field(Field { at, alias, label, constraint, value }))
    }

    /// What stands after the colon: a value, or another label.
    fn field_value(&mut self) -> Parsed<Ast> {
        if matches!(self.lexeme.token, Token::Keyword("let")) {
            return self.expression();
        }
        let at = self.lexeme.at;
        match self.head()? {
            Head::Expression(ast) => Ok(ast),
            Head::Label { alias, label, ast } => {
                if !(self.is(":") || self.is("?") || self.is("!")) {
                    return Ok(match alias {
                        Some(alias) => Ast::Alias(alias, Box::new(ast)),
                        None => ast,
                    });
                }
                let constraint = self.constraint()?;
                if !self.is(":") {
                    return self.error(format!("expected ':'; found {}", self.lexeme.text));
                }
                self.step()?;
                let value = self.nested(Self::field_value)?;
                Ok(Ast::Struct(vec![Decl::Field(Field { at, alias, label, constraint, value })]))
            }
        }
    }

    fn constraint(&mut self) -> Parsed<Constraint> {
        Ok(if self.take("?")? {
            Constraint::Optional
        } else if self.take("!")? {
            Constraint::Required
        } else {
            Constraint::None
        })
    }

    fn named_head(&mut self, name: String) -> Parsed<Head> {
        let ast = Ast::Ident(name.clone());
        self.aliased(name, ast)
    }

    fn head(&mut self) -> Parsed<Head> {
        let ast = self.expression()?;
        Ok(match &ast {
            Ast::Ident(name) => return self.aliased(name.clone(), ast),
            Ast::String(text) => Head::Label { alias: None, label: Label::String(text.clone()), ast },
            Ast::Null => Head::Label { alias: None, label: Label::String("null".to_owned()), ast },
            Ast::Bool(value) => Head::Label { alias: None, label: Label::String(value.to_string()), ast },
            Ast::List { .. } => self.pattern(None, ast)?,
            Ast::Paren(_) | Ast::Interpolation { bytes: false, .. } => {
                Head::Label { alias: None, label: Label::Dynamic(ast.clone()), ast }
            }
            _ => Head::Expression(ast),
        })
    }

    /// `X` or `X=label` or `X=expression`.
    fn aliased(&mut self, name: String, ast: Ast) -> Parsed<Head> {
        if !self.take("=")? {
            return Ok(Head::Label { alias: None, label: Label::Ident(name), ast });
        }
        self.check_declared(&name)?;
        let plain = self.lexeme.text.starts_with('"') && !self.lexeme.text.starts_with("\"\"\"");
        let aliased = self.expression()?;
        let label = match &aliased {
            Ast::Ident(label) => Label::Ident(label.clone()),
            Ast::String(text) if plain && !text.is_empty() => Label::String(text.clone()),
            // CUE finds no name in it.
            Ast::String(_) if self.is(":") || self.is("?") || self.is("!") => {
                return self.error("invalid label: invalid");
            }
            Ast::List { .. } => return self.pattern(Some(name), aliased),
            Ast::Paren(_) | Ast::Interpolation { bytes: false, .. } => Label::Dynamic(aliased.clone()),
            _ => return Ok(Head::Expression(Ast::Alias(name, Box::new(aliased)))),
        };
        Ok(Head::Label { alias: Some(name), label, ast: aliased })
    }

    fn pattern(&mut self, alias: Option<String>, ast: Ast) -> Parsed<Head> {
        if let Ast::List { elements, ellipsis: None } = &ast
            && let [Element::Value(pattern)] = elements.as_slice()
        {
            let label = Label::Pattern(pattern.clone());
            return Ok(Head::Label { alias, label, ast });
        }
        if self.is(":") || self.is("?") || self.is("!") {
            return self.error("square bracket must have exactly one element");
        }
        Ok(Head::Expression(match alias {
            Some(alias) => Ast::Alias(alias, Box::new(ast)),
            None => ast,
        }))
    }

    fn braces(&mut self) -> Parsed<Vec<Decl>> {
        self.expect("{")?;
        let decls = self.nested(Self::decls)?;
        self.expect_closing("}", "struct literal")?;
        Ok(decls)
    }

    /// Clauses of a comprehension; nothing where `for` or `if` turns out to be a label.
    fn clauses(&mut self) -> Parsed<Option<Vec<Clause>>> {
        let mut clauses = Vec::new();
        loop {
            let first = clauses.is_empty();
            if clauses.len() > MAX_POLICY_DEPTH {
                return self.error(format!("more than {MAX_POLICY_DEPTH} clauses in a row"));
            }
            let not_clause = |p: &Self| {
                first && (p.is(":") || p.is("=") || p.is("?") || matches!(p.lexeme.token, Token::Comma | Token::Eof))
            };
            match self.lexeme.token {
                Token::Keyword("for") => {
                    self.step()?;
                    if not_clause(self) || (first && self.is("!")) {
                        return Ok(None);
                    }
                    let mut value = self.declared_ident()?;
                    let mut key = None;
                    if self.lexeme.token == Token::Comma && self.lexeme.text == "," {
                        self.step()?;
                        key = Some(std::mem::replace(&mut value, self.declared_ident()?));
                    }
                    if !self.is_keyword("in") {
                        return self.expected("'in'");
                    }
                    self.step()?;
                    clauses.push(Clause::For { key, value, source: self.expression()? });
                }
                Token::Keyword("if") => {
                    self.step()?;
                    if not_clause(self) {
                        return Ok(None);
                    }
                    clauses.push(Clause::If(self.expression()?));
                }
                Token::Keyword("let") => {
                    self.step()?;
                    let name = self.declared_ident()?;
                    self.expect("=")?;
                    clauses.push(Clause::Let(name, self.expression()?));
                }
                _ => return Ok(Some(clauses)),
            }
            if self.lexeme.token == Token::Comma {
                self.step()?;
            }
        }
    }

    fn list(&mut self) -> Parsed<Ast> {
        self.expect("[")?;
        let mut elements = Vec::new();
        let mut ellipsis = None;
        while !self.is("]") && self.lexeme.token != Token::Eof {
            if self.take("...")? {
                let closed = self.is("]") || self.lexeme.token == Token::Comma;
                ellipsis = Some(if closed { None } else { Some(Box::new(self.expression()?)) });
                self.comma("list literal", "]")?;
                break;
            }
            let mut head = None;
            if matches!(self.lexeme.token, Token::Keyword("for" | "if")) {
                let keyword = self.lexeme.text.to_owned();
                if let Some(clauses) = self.clauses()? {
                    let value = self.braces()?;
                    elements.push(Element::Comprehension(Comprehension { clauses, value }));
                    self.comma("list literal", "]")?;
                    continue;
                }
                head = Some(Ast::Ident(keyword));
            }
            let element = match head {
                Some(head) => self.binary(0, head)?,
                None => self.expression()?,
            };
            elements.push(Element::Value(self.element_alias(element)?));
            let newline = self.lexeme.token == Token::Comma && self.lexeme.text != ",";
            if newline {
                self.step()?;
            }
            // A comprehension needs a comma before it.
            if self.is_keyword("for") || self.is_keyword("if") {
                return self.expected("']'");
            }
            if newline && self.is("]") {
                break;
            }
            if newline {
                return self.error("missing ',' before newline in list literal");
            }
            if !self.comma("list literal", "]")? {
                break;
            }
        }
        self.expect_closing("]", "list literal")?;
        Ok(Ast::List { elements, ellipsis })
    }

    fn element_alias(&mut self, element: Ast) -> Parsed<Ast> {
        if !self.take("=")? {
            return Ok(element);
        }
        let Ast::Ident(name) = element else { return self.error("expected identifier for alias") };
        self.check_declared(&name)?;
        Ok(Ast::Alias(name, Box::new(self.expression()?)))
    }

    pub(super) fn expression(&mut self) -> Parsed<Ast> {
        self.nested(|p| {
            let first = p.unary()?;
            p.binary(0, first)
        })
    }

    fn operator(&self) -> Option<(&'static str, usize)> {
        match self.lexeme.token {
            Token::Sign(sign) => OPERATORS.iter().position(|level| level.contains(&sign)).map(|level| (sign, level)),
            Token::Ident => {
                let word = ["quo", "rem", "div", "mod"].into_iter().find(|w| *w == self.lexeme.text)?;
                Some((word, OPERATORS.len().saturating_sub(1)))
            }
            _ => None,
        }
    }

    fn binary(&mut self, level: usize, first: Ast) -> Parsed<Ast> {
        let mut left = first;
        let mut chain = 0;
        while let Some((operator, binds)) = self.operator() {
            if binds < level {
                break;
            }
            self.step()?;
            let right = self.nested(|p| {
                let operand = p.unary()?;
                p.binary(binds.saturating_add(1), operand)
            })?;
            left = match (operator, left) {
                ("|", Ast::Or(mut values)) => {
                    values.push(right);
                    Ast::Or(values)
                }
                ("|", left) => Ast::Or(vec![left, right]),
                (_, left) => {
                    chain += 1;
                    if chain > MAX_CHAIN {
                        return self.error(format!("more than {MAX_CHAIN} operators in a row"));
                    }
                    Ast::Binary(operator, Box::new(left), Box::new(right))
                }
            };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed<Ast> {
        if let Token::Sign(sign @ ("+" | "-" | "!" | "*" | "<" | "<=" | ">=" | ">" | "==" | "!=" | "=~" | "!~")) =
            self.lexeme.token
        {
            self.step()?;
            let operand = self.nested(Self::unary)?;
            return Ok(Ast::Unary(sign, Box::new(operand)));
        }
        let operand = self.operand()?;
        self.primary(operand)
    }

    fn operand(&mut self) -> Parsed<Ast> {
        let Lexeme { token, text, .. } = self.lexeme;
        let ast = match token {
            Token::Ident => Ast::Ident(text.to_owned()),
            Token::Int | Token::Float => Ast::Number(text.to_owned()),
            Token::String => self.string(text)?,
            Token::Bottom => Ast::Bottom,
            Token::Keyword("null") => Ast::Null,
            Token::Keyword("true") => Ast::Bool(true),
            Token::Keyword("false") => Ast::Bool(false),
            Token::Keyword(word) => Ast::Ident(word.to_owned()),
            Token::Sign("{") => return self.braces().map(Ast::Struct),
            Token::Sign("[") => return self.nested(Self::list),
            Token::Interpolation => return self.nested(Self::interpolation),
            Token::Sign("(") => {
                self.step()?;
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(Ast::Paren(Box::new(inner)));
            }
            _ => return self.expected("operand"),
        };
        self.step()?;
        Ok(ast)
    }

    fn primary(&mut self, operand: Ast) -> Parsed<Ast> {
        let mut ast = operand;
        let mut chain = 0;
        loop {
            chain += 1;
            if chain > MAX_POLICY_DEPTH {
                return self.error(format!("more than {MAX_POLICY_DEPTH} selectors in a row"));
            }
            if self.take(".")? {
                let selector = match self.lexeme.token {
                    Token::Ident | Token::Keyword(_) => Selector::Ident(self.lexeme.text.to_owned()),
                    Token::String if self.lexeme.text.starts_with('"') && !self.lexeme.text.starts_with("\"\"") => {
                        match self.string(self.lexeme.text)? {
                            Ast::String(text) => Selector::String(text),
                            _ => return self.expected("selector"),
                        }
                    }
                    _ => return self.expected("selector"),
                };
                self.step()?;
                ast = Ast::Selector(Box::new(ast), selector);
            } else if self.is("[") {
                ast = self.index(ast)?;
            } else if self.take("(")? {
                let mut arguments = Vec::new();
                while !self.is(")") && self.lexeme.token != Token::Eof {
                    arguments.push(self.expression()?);
                    if !self.comma("argument list", ")")? {
                        break;
                    }
                }
                self.expect_closing(")", "argument list")?;
                ast = Ast::Call(Box::new(ast), arguments);
            } else if self.is("...") {
                return self.error("postfix ... operator requires @experiment(explicitopen)");
            } else {
                return Ok(ast);
            }
        }
    }

    fn index(&mut self, subject: Ast) -> Parsed<Ast> {
        self.expect("[")?;
        let low = if self.is(":") { None } else { Some(Box::new(self.expression()?)) };
        if self.take(":")? {
            let high = if self.is("]") { None } else { Some(Box::new(self.expression()?)) };
            self.expect("]")?;
            return Ok(Ast::Slice(Box::new(subject), low, high));
        }
        self.expect("]")?;
        match low {
            Some(index) => Ok(Ast::Index(Box::new(subject), index)),
            None => self.expected("operand"),
        }
    }
}
