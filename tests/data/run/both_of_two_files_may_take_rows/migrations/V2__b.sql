UPDATE notes SET title = upper(title);
