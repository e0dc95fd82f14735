from imtw.plugin import CheckerMaker

company = CheckerMaker("company", "acme_company.CompanyChecker", "company:FILE asks the company's database")
