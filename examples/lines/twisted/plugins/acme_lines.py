from imtw.plugin import DialectMaker

lines = DialectMaker("lines", "acme_lines.LineDialect", "a line a request, for telnet and nc")
