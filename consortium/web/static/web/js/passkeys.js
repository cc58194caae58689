// django-allauth says in an event what the browser's passkey dialog refused; here it becomes a sentence on the page.
document.addEventListener("allauth.error", (event) => {
  const trouble = document.getElementById("passkey-trouble");
  if (!trouble) return;
  event.preventDefault();
  trouble.hidden = false;
});
