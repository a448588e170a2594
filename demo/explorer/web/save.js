// Saves a file that came with an answer: {name, type} and its `text`, or its `content` in base64.
(file) => {
  if (!file) return;
  const content = file.text ?? Uint8Array.from(atob(file.content), (one) => one.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type: file.type }));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}
