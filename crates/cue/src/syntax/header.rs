//! The head of a file: its package, and what it imports.

use super::ast::{Ast, File, Import};
use super::lexer::Token;
use super::parser::{Parsed, Parser};

impl Parser<'_> {
    pub(super) fn file(&mut self) -> Parsed<File> {
        let mut file = File { directive: self.directive()?, ..File::default() };
        if self.lexeme.token == Token::Ident && self.lexeme.text == "package" {
            self.step()?;
            let name = self.ident()?;
            if name.starts_with('#') || name.starts_with("_#") {
                return self.error(format!("invalid package name {name}"));
            }
            file.package = Some(name);
            self.expect_comma()?;
            file.directive = file.directive.or(self.directive()?);
        }
        while self.lexeme.token == Token::Ident && self.lexeme.text == "import" {
            self.step()?;
            if !self.take("(")? {
                file.imports.push(self.import()?);
                continue;
            }
            while !self.is(")") && self.lexeme.token != Token::Eof {
                file.imports.push(self.import()?);
            }
            self.expect(")")?;
            self.expect_comma()?;
        }
        file.decls = self.decls()?;
        if self.lexeme.token == Token::Eof { Ok(file) } else { self.expected("'EOF'") }
    }

    /// Skips attributes; the first that CUE obeys before it reads the file: it switches experiments on, or interpreters.
    fn directive(&mut self) -> Parsed<Option<String>> {
        let mut found = None;
        while self.lexeme.token == Token::Attribute {
            let text = self.lexeme.text;
            if text.starts_with("@experiment(") || text.starts_with("@extern(") {
                found.get_or_insert_with(|| text.to_owned());
            }
            self.attribute()?;
        }
        Ok(found)
    }

    fn expect_comma(&mut self) -> Parsed<()> {
        match self.lexeme.token {
            Token::Comma => self.step().map(|_| ()),
            Token::Eof | Token::Sign(")" | "}") => Ok(()),
            _ => self.expected("','"),
        }
    }

    fn import(&mut self) -> Parsed<Import> {
        let name = if self.lexeme.token == Token::Ident { Some(self.declared_ident()?) } else { None };
        if self.lexeme.token != Token::String {
            return self.expected("'STRING'");
        }
        let literal = self.lexeme.text;
        let Ast::String(path) = self.string(literal)? else {
            return self.error(format!("invalid import path: {literal}"));
        };
        let legal =
            |c: char| !c.is_whitespace() && !c.is_control() && !"!\"#$%&'()*,:;<=>?[\\]^{|}`\u{fffd}".contains(c);
        let (stem, _) = path.rsplit_once(':').unwrap_or((&path, ""));
        if stem.is_empty() || !stem.chars().all(legal) {
            return self.error(format!("invalid import path: {literal}"));
        }
        self.step()?;
        self.expect_comma()?;
        Ok(Import { name, path })
    }
}
