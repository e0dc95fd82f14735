from imtw.plugin import FilterMaker

badwords = FilterMaker("badwords", "acme_badwords.BadWords", "star out the words of a list, refuse what shouts them")
