/** How long the second press is waited for, in milliseconds. */
const waitMs = 4000;

/** A button that asks once more: the first press changes its words, the second one within four seconds does it. */
export function sureButton(words: string, question: string, press: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const calm = () => {
    timer = undefined;
    button.className = "plain";
    button.textContent = words;
  };
  button.addEventListener("click", () => {
    if (timer === undefined) {
      button.className = "plain sure";
      button.textContent = question;
      timer = setTimeout(calm, waitMs);
      return;
    }
    clearTimeout(timer);
    calm();
    press();
  });
  calm();
  return button;
}
