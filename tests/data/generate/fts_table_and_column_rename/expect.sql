SELECT rowid,heading,body FROM g ORDER BY 1; SELECT rowid FROM g WHERE g MATCH 'heading:hello'
