SELECT rowid,title,b FROM f
