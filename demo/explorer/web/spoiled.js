// Below a source: what was spoiled of it; nothing once a reader has written over it.
show((mark) => root.replaceChildren(...(mark.sentence ? cleanSentence(mark) : [])));
